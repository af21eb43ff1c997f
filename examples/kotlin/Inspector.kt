import android.graphics.Bitmap
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import org.json.JSONObject
import org.tensorflow.lite.Interpreter

/** What is said of a frame. `map` has height * width values, row by row. */
class Inspection(val score: Float, val anomalous: Boolean, val map: FloatArray)

/**
 * Runs an exported file of PIADE-TF on frames of any size.
 *
 * One Inspector for each thread: it holds its tensors.
 *
 * @param model the bytes of the `.tflite`.
 */
class Inspector(model: ByteArray) {
    /** The metadata inside the file; docs/mobile.md lists the keys. */
    val about: JSONObject = metadata(model)

    private val preparation = Preparation(about.getJSONObject("input"))
    private val threshold = about.getJSONObject("threshold").getDouble("value")
    private val interpreter = Interpreter(inNativeMemory(model))
    private val image = ByteBuffer.allocateDirect(preparation.height * preparation.width * preparation.channels)
    private val score = FloatBuffer.allocate(1)
    private val map = FloatBuffer.allocate(preparation.height * preparation.width)

    /**
     * Resizes the frame as in training, and runs the network.
     *
     * @param frame upright, its pixels not on a GPU.
     * @throws IllegalStateException the score is no number: NaN is above no threshold, and would pass as normal.
     */
    fun inspect(frame: Bitmap): Inspection {
        val argb = IntArray(frame.width * frame.height)
        frame.getPixels(argb, 0, frame.width, 0, 0, frame.width, frame.height)
        image.rewind()
        image.put(preparation.prepare(argb, frame.height, frame.width)).rewind()
        score.rewind()
        map.rewind()
        interpreter.runSignature(mapOf("image" to image), mapOf("pred_score" to score, "anomaly_map" to map), "inspect")
        check(score[0].isFinite()) { "the score is ${score[0]}, which is no number; train and export again" }
        return Inspection(score[0], score[0] > threshold, map.array().copyOf())
    }
}

/** Red, and half opaque where a place becomes anomalous. To be stretched over the frame. */
fun heatmap(map: FloatArray, about: JSONObject): Bitmap {
    val shape = about.getJSONObject("input").getJSONArray("shape")
    val limit = about.getJSONObject("map_threshold").getDouble("value")
    val pixels = IntArray(map.size)
    for (i in map.indices) {
        val level = if (limit > 0) 127 * map[i] / limit else if (map[i] > limit) 255.0 else 0.0
        val alpha = level.coerceIn(0.0, 255.0).toInt()
        pixels[i] = (alpha shl 24) or 0xFF0000
    }
    return Bitmap.createBitmap(pixels, shape.getInt(2), shape.getInt(1), Bitmap.Config.ARGB_8888)
}

/** The JSON after the last `PIADEMD1` and its length, which is little-endian. */
private fun metadata(model: ByteArray): JSONObject {
    val magic = "PIADEMD1"
    val place = String(model, Charsets.ISO_8859_1).lastIndexOf(magic)
    require(place >= 0) { "no metadata of PIADE-TF in the model" }
    val start = place + magic.length + 4
    val length = ByteBuffer.wrap(model).order(ByteOrder.LITTLE_ENDIAN).getInt(start - 4)
    require(length >= 0 && length <= model.size - start) { "the model is cut short" }
    val about = JSONObject(String(model, start, length, Charsets.UTF_8))
    val (format, version) = Pair(about.opt("format_version") ?: 1, about.opt("version"))
    require(format == 1) { "metadata of format $format, this code reads 1; use the code of version $version" }
    return about
}

private fun inNativeMemory(model: ByteArray): ByteBuffer =
    ByteBuffer.allocateDirect(model.size).order(ByteOrder.nativeOrder()).put(model)

/** From pixels of any size to what the network takes, as in training: a bilinear filter that widens as it shrinks. */
class Preparation(input: JSONObject) {
    val height = input.getJSONArray("shape").getInt(1)
    val width = input.getJSONArray("shape").getInt(2)
    val channels = input.getJSONArray("shape").getInt(3)

    private val resize = input.getString("resize")
    private val toHeight = input.getJSONArray("resize_to").getInt(0)
    private val toWidth = input.getJSONArray("resize_to").getInt(1)

    /**
     * @param argb the frame, 0xAARRGGBB, row by row.
     * @return height * width * channels bytes, 0 to 255.
     */
    fun prepare(argb: IntArray, frameHeight: Int, frameWidth: Int): ByteArray {
        val down = toHeight.toFloat() / frameHeight
        val across = toWidth.toFloat() / frameWidth
        val keptHeight: Int
        val keptWidth: Int
        if (resize == "stretch") {
            keptHeight = toHeight
            keptWidth = toWidth
        } else { // one factor for both sides: `pad` fits the frame in, `crop` fills
            val factor = if (resize == "pad") min(down, across) else max(down, across)
            keptHeight = max(round(frameHeight * factor).toInt(), 1)
            keptWidth = max(round(frameWidth * factor).toInt(), 1)
        }
        val rows = Shares(frameHeight, keptHeight, (toHeight - height) / 2 - (toHeight - keptHeight) / 2, height)
        val columns = Shares(frameWidth, keptWidth, (toWidth - width) / 2 - (toWidth - keptWidth) / 2, width)

        val sums = DoubleArray(3 * height * width)
        val line = DoubleArray(3 * width)
        var first = 0 // of the target rows that still want pixels
        for (y in 0 until frameHeight) {
            while (first < height && rows.end[first] <= y) first++
            if (first == height) break
            if (rows.start[first] > y) continue
            columns.shrink(argb, y * frameWidth, line)
            var target = first
            while (target < height && rows.start[target] <= y) {
                if (y < rows.end[target]) {
                    val share = rows.share(target, y)
                    val at = 3 * width * target
                    for (i in line.indices) sums[at + i] += share * line[i]
                }
                target++
            }
        }
        return rounded(sums)
    }

    /** Rounded once, half to even; grey is cut off. */
    private fun rounded(sums: DoubleArray): ByteArray {
        val image = ByteArray(height * width * channels)
        if (channels == 3) {
            for (i in image.indices) image[i] = round(sums[i]).toInt().toByte()
            return image
        }
        for (i in image.indices) {
            val mixed = 0.2989 * round(sums[3 * i]) + 0.587 * round(sums[3 * i + 1]) + 0.114 * round(sums[3 * i + 2])
            image[i] = (mixed * 255.5 / 255).toInt().toByte()
        }
        return image
    }
}

/**
 * Of the pixels along a side, the share of each in every target pixel.
 *
 * @param side source pixels.
 * @param kept what they are resized to.
 * @param from which of these is the first target; negative: black comes first.
 * @param targets how many targets there are.
 */
private class Shares(side: Int, kept: Int, from: Int, targets: Int) {
    /** The first source pixel of each target, and the one after its last; both are the same in the border of `pad`. */
    val start = IntArray(targets)
    val end = IntArray(targets)

    private val scale = side.toDouble() / kept
    private val radius = max(scale, 1.0)
    private val most = 2 * ceil(radius).toInt() + 1
    private val shares = DoubleArray(targets * most)

    init {
        for (target in 0 until targets) {
            val nth = from + target
            if (nth < 0) continue
            if (nth >= kept) {
                start[target] = side
                end[target] = side
                continue
            }
            val centre = (nth + 0.5) * scale
            start[target] = max(floor(centre - radius - 0.5).toInt() + 1, 0)
            end[target] = min(ceil(centre + radius - 0.5).toInt(), side)
            var sum = 0.0
            for (i in start[target] until end[target]) sum += raw(i, centre)
            for (i in start[target] until end[target]) {
                shares[target * most + i - start[target]] = raw(i, centre) / sum
            }
        }
    }

    fun share(target: Int, pixel: Int): Double = shares[target * most + pixel - start[target]]

    /** Writes the row of the frame that begins at `base` to `line`: red, green and blue of each target. */
    fun shrink(argb: IntArray, base: Int, line: DoubleArray) {
        for (target in start.indices) {
            var red = 0.0
            var green = 0.0
            var blue = 0.0
            var at = target * most
            for (i in base + start[target] until base + end[target]) {
                val share = shares[at++]
                val pixel = argb[i]
                red += share * (pixel shr 16 and 255)
                green += share * (pixel shr 8 and 255)
                blue += share * (pixel and 255)
            }
            line[3 * target] = red
            line[3 * target + 1] = green
            line[3 * target + 2] = blue
        }
    }

    private fun raw(pixel: Int, centre: Double): Double = 1 - abs(pixel + 0.5 - centre) / radius
}
