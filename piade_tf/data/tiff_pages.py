"""How many pictures a TIFF holds: its pages, without the small copies and the masks that belong to another page."""

import struct

BIG = 43  # the number in the header of a BigTIFF, whose offsets have 64 bits
SUBFILE_TYPE, SHORT = 254, 3
SMALL_COPY, MASK = 1, 4  # bits of the subfile type


def tiff_pages(content: bytes) -> int:
    """The number of pages, by the chain of directories; nothing else of them is read.

    Args:
        content: the bytes of a TIFF that was opened.

    Returns:
        At least 1, since the first page is the one that is read, whatever it is. A page that lies beyond the end of the
        file counts: it was lost.
    """
    order, big = "<" if content.startswith(b"II") else ">", content[2] == BIG
    at, offset, count, entry = (8, f"{order}Q", f"{order}Q", 20) if big else (4, f"{order}I", f"{order}H", 12)
    pages, seen = 0, set()
    try:
        while (start := struct.unpack_from(offset, content, at)[0]) and start not in seen:
            seen.add(start)
            pages += 1
            (entries,) = struct.unpack_from(count, content, start)
            first = start + struct.calcsize(count)
            at = first + entry * entries
            if pages > 1 and entries and _subfile_type(content, first, order, entry) & (SMALL_COPY | MASK):
                pages -= 1
    except struct.error:
        pass
    return max(pages, 1)


def _subfile_type(content: bytes, first: int, order: str, entry: int) -> int:
    """The subfile type, whose number is the lowest of all and is therefore the first entry; 0, a page, without it."""
    tag, kind = struct.unpack_from(f"{order}HH", content, first)
    if tag != SUBFILE_TYPE:
        return 0
    value = f"{order}H" if kind == SHORT else f"{order}I"
    return struct.unpack_from(value, content, first + (8 if entry == 12 else 12))[0]
