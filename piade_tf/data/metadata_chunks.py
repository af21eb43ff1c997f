"""Image files without their metadata: a broken profile or comment is no reason to refuse sound pixels."""

import struct

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
START_OF_SCAN, COMMENT = 0xDA, 0xFE
JFIF, EXIF, ADOBE = 0xE0, 0xE1, 0xEE  # JFIF and Adobe's segment say how colours are stored


def without_metadata(content: bytes, keep_exif: bool) -> bytes:
    """A PNG or a JPEG without texts, profiles and the like.

    Args:
        content: the bytes of a file of any kind; all but PNG and JPEG come back as they are.
        keep_exif: whether EXIF, which has the orientation, stays.
    """
    try:
        if content.startswith(PNG):
            return _png(content, PNG_PIXELS | ({b"eXIf"} if keep_exif else set()))
        if content.startswith(JPEG):
            return _jpeg(content, keep_exif)
    except (struct.error, IndexError):  # not even the sizes of its parts can be read
        pass
    return content


def _png(content: bytes, kept: set[bytes]) -> bytes:
    parts, at = [PNG], len(PNG)
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + length + 12
        if content[at + 4 : at + 8] in kept:
            parts.append(content[at:end])
        at = end
    return b"".join(parts)


def _jpeg(content: bytes, keep_exif: bool) -> bytes:
    parts, at = [JPEG], len(JPEG)
    while content[at] == 0xFF and content[at + 1] != START_OF_SCAN:
        marker = content[at + 1]
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        application = 0xE0 <= marker <= 0xEF or marker == COMMENT
        is_exif = marker == EXIF and content[at + 4 : at + 8] == b"Exif"
        if not application or marker in (JFIF, ADOBE) or (is_exif and keep_exif):
            parts.append(content[at:end])
        at = end
    return b"".join([*parts, content[at:]])
