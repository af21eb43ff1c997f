"""How many pictures a binary PBM, PGM or PPM holds: any number may follow one another in a file (netpbm's pgm(5))."""

import re

GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
END = rb"(?:#[^\r\n]*[\r\n])?\s"
SIDES = GAP + rb"(\d{1,9})" + GAP + rb"(\d{1,9})"
HEADER = re.compile(rb"\s*(?:P(4)" + SIDES + END + rb"|P([56])" + SIDES + GAP + rb"(\d{1,5})" + END + rb")")


def pnm_images(content: bytes) -> int:
    """The number of pictures, by their headers.

    Args:
        content: the bytes of a PBM, PGM or PPM that was opened.

    Returns:
        At least 1, as for a plain one, which holds no more. One that was cut short counts: it was lost.
    """
    count, at = 0, 0
    while header := HEADER.match(content, at):
        kind, width, height, *most = (int(number) for number in header.groups() if number is not None)
        row = -(-width // 8) if kind == 4 else width * (1 if kind == 5 else 3) * (1 if most[0] < 256 else 2)
        count += 1
        at = header.end() + row * height
    return max(count, 1)
