package android.graphics

/** Height times width of 0xAARRGGBB, as much of Android's class as the page uses. */
class Bitmap private constructor(private val colours: IntArray, val width: Int, val height: Int) {
    enum class Config { ARGB_8888 }

    fun getPixels(to: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        for (row in 0 until height) for (column in 0 until width)
            to[offset + row * stride + column] = colours[(y + row) * this.width + x + column]
    }

    companion object {
        fun createBitmap(colours: IntArray, width: Int, height: Int, config: Config) = Bitmap(colours, width, height)
    }
}
