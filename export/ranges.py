"""The ranges of activations that calibration has found, before scales are made of them."""

from typing import Any

import numpy as np

NARROW = 1e-4


def with_room(ranges: dict[str, Any]) -> dict[str, Any]:
    """Gives a range of 1 to units that never vary, such as dead ReLUs: XNNPACK refuses the scales that they would get.

    Args:
        ranges: by tensor, `min` and `max`, as ai-edge-quantizer gives them.
    """
    widened = {}
    for name, seen in ranges.items():
        if "min" in seen:
            seen = {**seen, "max": np.where(seen["max"] - seen["min"] < NARROW, seen["min"] + 1, seen["max"])}
        widened[name] = seen
    return widened
