"""Floats rounded to integers of 8 bits."""

import numpy as np

WEIGHT_BITS = 8
LARGEST = 2 ** (WEIGHT_BITS - 1) - 1


def rounded_columns(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers and steps, such that `integers * step` is near `weights`.

    Args:
        weights: `(..., inputs, outputs)`.

    Returns:
        `(..., inputs, outputs)`, float32, whole numbers from -127 to 127, and `(..., 1, outputs)`, float32: what the
        largest weight of a column is divided by 127.
    """
    step = np.abs(weights).max(axis=-2, keepdims=True) / LARGEST
    step = np.where(step == 0, 1, step).astype("float32")
    return np.round(weights / step).astype("float32"), step
