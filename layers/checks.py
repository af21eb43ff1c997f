"""Checks of arguments and shapes that the layers share."""

from collections.abc import Sequence
from numbers import Integral


def positive_int(owner: str, name: str, value: object) -> int:
    """Returns `value`, or raises `ValueError` unless it is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{owner}: `{name}` must be an integer of at least 1, got {value!r}.")
    return int(value)


def known_axes(owner: str, shape: Sequence[int | None], axes: str) -> tuple[int, ...]:
    """Returns the axes behind the batch, or raises `ValueError` unless `shape` has the named axes and they are known.

    Args:
        owner: name of the layer, for the message.
        shape: the shape to check.
        axes: the expected axes in words, e.g. `"(batch, height, width, channels)"`.
    """
    known = tuple(side for side in shape[1:] if side is not None)
    if len(shape) != axes.count(",") + 1 or len(known) < len(shape) - 1:
        raise ValueError(
            f"{owner}: expected an input of shape {axes} with every axis but the batch known, got {tuple(shape)}."
        )
    return known
