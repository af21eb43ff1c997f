"""What is lost of a PNG or a JPEG: Pillow decodes what came in its place, such as the zeros that a power cut leaves."""

import re
import zlib

from piade_tf.data.metadata_chunks import JPEG, PNG

PNG_CHECKED = {b"IHDR", b"PLTE", b"IDAT", b"fdAT"}  # what pixels depend on
JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd9\xff]")  # of a segment, behind padding or anything else
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"


def lost_part(content: bytes) -> str:
    """What is missing or was changed since it was written, in words; empty where nothing is.

    Args:
        content: the bytes of a file that was opened; in other formats than PNG and JPEG nothing tells.
    """
    if content.startswith(PNG):
        return _of_png(content)
    if content.startswith(JPEG):
        return _of_jpeg(content)
    return ""


def _of_png(content: bytes) -> str:
    view, at = memoryview(content), len(PNG)
    while (name := content[at + 4 : at + 8]).isalpha():
        if name == b"IEND":
            return ""
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if name in PNG_CHECKED and zlib.crc32(view[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            return f"the checksum of its {name.decode()} is wrong"
        at = end + 4
    return "its end is missing"


def _of_jpeg(content: bytes) -> str:
    """Looks for the end behind the start of the scan: a thumbnail in the EXIF before it has an end of its own."""
    at = len(JPEG)
    while (marker := JPEG_MARKER.search(content, at)) and marker[0] != JPEG_SCAN:
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return "" if marker and content.find(JPEG_END, marker.end()) >= 0 else "its end is missing"
