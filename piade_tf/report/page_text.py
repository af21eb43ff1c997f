"""Values as the page writes them."""

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypeGuard

from piade_tf.json_text import json_text

MOST_DIGITS = 9


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a finite int or float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any) -> str:
    """A value as text: whole numbers with commas, fractions to four places, others to four digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if is_number(value):
        return f"{value:.4f}" if 0.001 <= abs(value) < 10 or value == 0 else f"{value:,.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(number(inner) for inner in value)
    return "none" if value is None else str(value)


def share(value: float) -> str:
    """Of a share that was measured, such as `5.0 %`."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def percents(interval: Sequence[float]) -> str:
    """Of an interval of a share that was measured, such as `4.1 to 6.0`, to be followed by the sign."""
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def ends(interval: Sequence[float], digits: int = 3) -> str:
    """Such as `0.912 to 0.954`, rounded outwards, with as many more digits as it takes to tell the ends apart."""
    low, high = (Decimal(repr(float(end))) for end in interval)
    while digits < MOST_DIGITS and _rounded(low, ROUND_FLOOR, digits) == _rounded(high, ROUND_CEILING, digits):
        digits += 1
    return f"{_rounded(low, ROUND_FLOOR, digits)} to {_rounded(high, ROUND_CEILING, digits)}"


def _rounded(value: Decimal, rounding: str, digits: int) -> str:
    return f"{value.quantize(Decimal(10) ** -digits, rounding):f}"


def option(value: Any) -> str:
    """As JSON, without the quotes of plain text and of lists of it; a dash for what was left out."""
    if value is None or value == []:
        return "–"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json_text(value, default=str, ensure_ascii=False)


def in_words(name: str) -> str:
    """The name of a key for people: `image_AUROC_by_score` becomes `Image AUROC by score`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
