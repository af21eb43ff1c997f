import android.graphics.Bitmap
import java.io.File
import org.tensorflow.lite.Interpreter

/** MODEL WIDTH HEIGHT RGB: prints score, verdict, heatmap and the bytes that the network would be given. */
fun main(words: Array<String>) {
    val rgb = File(words[3]).readBytes().map { it.toInt() and 255 }
    val colours = rgb.chunked(3) { (r, g, b) -> 255 shl 24 or (r shl 16) or (g shl 8) or b }.toIntArray()
    val frame = Bitmap.createBitmap(colours, words[1].toInt(), words[2].toInt(), Bitmap.Config.ARGB_8888)
    val inspector = Inspector(File(words[0]).readBytes())
    val found = inspector.inspect(frame)
    val heatmap = heatmap(found.map, inspector.about)
    val reds = IntArray(found.map.size)
    heatmap.getPixels(reds, 0, heatmap.width, 0, 0, heatmap.width, heatmap.height)
    println(found.score)
    println(found.anomalous)
    println(reds.joinToString(" ") { "%08x".format(it) })
    println(Interpreter.last.joinToString(" ") { it.toInt().toString() })
}
