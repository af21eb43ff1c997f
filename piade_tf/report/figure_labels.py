"""The names above small pictures: as large as fits, in two lines rather than cut off."""

import re
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

SIZES = (7.0, 6.5, 6.0, 5.5)  # points; what is smaller cannot be read in print


def fitted(names: Sequence[str], inches: float) -> tuple[list[str], float]:
    """The names, each in one line or two, and the size in points at which none is wider than `inches`.

    Only a name that is too long even at the smallest size is cut, and ends with an ellipsis.
    """
    for size in SIZES:
        texts = [name if _width(name, size) <= inches else _in_two(name) for name in names]
        if all(_width(text, size) <= inches for text in texts):
            return texts, size
    size = SIZES[-1]
    fits = [_width(text, size) <= inches for text in texts]
    return [t if whole else _cut(name, inches, size) for name, t, whole in zip(names, texts, fits, strict=True)], size


def _cut(name: str, inches: float, size: float) -> str:
    ellipsis = "\N{HORIZONTAL ELLIPSIS}"
    first = _longest_start(name, inches, size)
    rest = name[len(first) :]
    if _width(rest, size) > inches:
        rest = _longest_start(rest, inches - _width(ellipsis, size), size) + ellipsis
    return f"{first}\n{rest}"


def _in_two(name: str) -> str:
    """Broken after the separator that makes the longer line the shortest; as it is where there is none."""
    ends = [found.end() for found in re.finditer(r"[\s_/.-]+", name) if found.start() > 0 and found.end() < len(name)]
    if not ends:
        return name
    end = min(ends, key=lambda place: max(place, len(name) - place))
    return f"{name[:end].rstrip()}\n{name[end:]}"


def _longest_start(text: str, inches: float, size: float) -> str:
    fits = [length for length in range(1, len(text) + 1) if _width(text[:length], size) <= inches]
    return text[: max(fits, default=1)]


def _width(text: str, size: float) -> float:
    """In inches, without reading a $ as mathematics."""
    font = FontProperties(size=size)
    return max(text_to_path.get_text_width_height_descent(line, font, False)[0] for line in text.split("\n")) / 72
