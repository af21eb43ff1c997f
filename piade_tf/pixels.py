"""Between the bytes of an image file and the numbers that a network takes: the one place that knows of 255."""

from typing import Any

import numpy as np
import tensorflow as tf

WHITE = 255


def to_unit(pixels: Any) -> Any:
    """Pixels as the network takes them.

    Args:
        pixels: array or tensor of any shape, uint8, 0 to 255.

    Returns:
        The same shape and kind, float32, 0 to 1. A traced graph may multiply by 1/255 instead of dividing, which
        changes the last bit.
    """
    if isinstance(pixels, np.ndarray):
        return pixels.astype("float32") / np.float32(WHITE)
    return tf.cast(pixels, tf.float32) / WHITE


def to_bytes(values: Any) -> Any:
    """What the network gives, as pixels again.

    Args:
        values: array or tensor of any shape, floating point; below 0 is black, above 1 is white.

    Returns:
        The same shape and kind, uint8, 0 to 255.
    """
    if isinstance(values, np.ndarray):
        return np.round(WHITE * np.clip(values, 0, 1)).astype("uint8")
    return tf.cast(tf.round(WHITE * tf.clip_by_value(values, 0, 1)), tf.uint8)
