"""Values as the page writes them."""

import math
from typing import Any, TypeGuard

from piade_tf.json_text import json_text


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


def ends(interval: tuple[float, float]) -> str:
    """Such as `0.912 to 0.954`."""
    return " to ".join(f"{end:.3f}" for end in interval)


def option(value: Any) -> str:
    """As JSON, without the quotes of plain text; a dash for what was left out."""
    if value is None or value == []:
        return "–"
    return value if isinstance(value, str) else json_text(value, default=str, ensure_ascii=False)


def in_words(name: str) -> str:
    """The name of a key for people: `image_AUROC_by_score` becomes `Image AUROC by score`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
