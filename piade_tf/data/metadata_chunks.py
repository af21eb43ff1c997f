"""Image files without their metadata: a broken profile or comment is no reason to refuse sound pixels."""

import struct

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
PNG_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}  # alpha is dropped anyway, and tRNS with it
PNG_PIXELS |= {b"acTL", b"fcTL", b"fdAT"}  # further frames
TIFF = {b"II*\0": "<", b"MM\0*": ">"}
ORIENTATION = 274
# Sizes, bits, compression, strips and tiles, colours, JPEG's tables.
TIFF_PIXELS = {*range(254, 260), 262, 266, 273, *range(277, 280), 284, 292, 293, 317, 320, *range(322, 326), 338, 339}
TIFF_PIXELS |= {347, *range(512, 522), *range(529, 533)}
START_OF_SCAN, COMMENT = 0xDA, 0xFE
JFIF, EXIF, ADOBE = 0xE0, 0xE1, 0xEE  # JFIF and Adobe's segment say how colours are stored


def without_metadata(content: bytes, keep_exif: bool) -> bytes:
    """A PNG, a JPEG or a TIFF without texts, profiles and the like.

    Args:
        content: the bytes of a file of any kind; all but these three come back as they are.
        keep_exif: whether EXIF, which has the orientation, stays.
    """
    try:
        if content.startswith(PNG):
            return _png(content, PNG_PIXELS | ({b"eXIf"} if keep_exif else set()))
        if content.startswith(JPEG):
            return _jpeg(content, keep_exif)
        if content[:4] in TIFF:
            return _tiff(content, TIFF[content[:4]], TIFF_PIXELS | ({ORIENTATION} if keep_exif else set()))
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


def _tiff(content: bytes, order: str, kept: set[int]) -> bytes:
    """The same bytes with the first directory shortened."""
    (at,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, at)
    entries = [content[at + 2 + 12 * i : at + 14 + 12 * i] for i in range(count)]
    entries = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] in kept]
    following = content[at + 2 + 12 * count : at + 6 + 12 * count]  # of another page
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + following
    return content[:at] + directory + content[at + len(directory) :]
