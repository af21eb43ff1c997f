package org.json

/** JSON without escapes in strings, read on demand; as much of Android's classes as the page uses. */
class JSONObject(text: String) {
    private val values = members(text).map { it.split(":", limit = 2) }.associate { (key, value) ->
        key.trim().trim('"') to value.trim()
    }

    fun getJSONObject(key: String) = JSONObject(values.getValue(key))
    fun getJSONArray(key: String) = JSONArray(values.getValue(key))
    fun getString(key: String) = values.getValue(key).trim('"')
    fun getDouble(key: String) = values.getValue(key).toDouble()
    fun opt(key: String): Any? = values[key]?.let { it.toIntOrNull() ?: it.trim('"') }
}

class JSONArray(text: String) {
    private val values = members(text)

    fun length() = values.size
    fun getInt(index: Int) = values[index].trim().toInt()
}

/** What stands between the commas of an object or an array. */
private fun members(text: String): List<String> {
    val found = mutableListOf("")
    var depth = 0
    for (sign in text.trim().drop(1).dropLast(1)) {
        depth += if (sign in "{[") 1 else if (sign in "}]") -1 else 0
        if (sign == ',' && depth == 0) found += "" else found[found.lastIndex] += sign
    }
    return found
}
