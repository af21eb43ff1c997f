import android.graphics.Bitmap
import java.io.File
import java.lang.management.ManagementFactory

private const val WARM_UP = 5
private const val CALLS = 15

/** MODEL, then WIDTH HEIGHT for each size: prints milliseconds (median) and bytes allocated by one `inspect`. */
fun main(words: Array<String>) {
    val inspector = Inspector(File(words[0]).readBytes())
    val memory = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean
    for ((width, height) in words.drop(1).map { it.toInt() }.chunked(2)) {
        val colours = IntArray(width * height) { (it * 2654435761L).toInt() or (255 shl 24) }
        val frame = Bitmap.createBitmap(colours, width, height, Bitmap.Config.ARGB_8888)
        repeat(WARM_UP) { inspector.inspect(frame) }
        val before = memory.currentThreadAllocatedBytes
        val times = List(CALLS) {
            val start = System.nanoTime()
            inspector.inspect(frame)
            (System.nanoTime() - start) / 1e6
        }
        val bytes = (memory.currentThreadAllocatedBytes - before) / CALLS
        println("$width $height ${times.sorted()[CALLS / 2]} $bytes")
    }
}
