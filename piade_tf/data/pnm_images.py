"""How many pictures a binary PGM or PPM holds: any number may follow one another in a file (netpbm's pgm(5))."""

import re

GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
HEADER = re.compile(
    rb"\s*P([56])" + GAP + rb"(\d{1,9})" + GAP + rb"(\d{1,9})" + GAP + rb"(\d{1,5})(?:#[^\r\n]*[\r\n])?\s"
)


def pnm_images(content: bytes) -> int:
    """The number of pictures, by their headers.

    Args:
        content: the bytes of a PGM or PPM that was opened.

    Returns:
        At least 1, as for a plain one, which holds no more. One that was cut short counts: it was lost.
    """
    count, at = 0, 0
    while header := HEADER.match(content, at):
        kind, width, height, most = map(int, header.groups())
        count += 1
        at = header.end() + width * height * (1 if kind == 5 else 3) * (1 if most < 256 else 2)
    return max(count, 1)
