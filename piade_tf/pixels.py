"""Between the bytes of an image file and the numbers that a network takes: the one place that knows of 255.

TensorFlow is imported for tensors alone: what runs an exported file has none (`export.verification.verify`).
"""

from typing import Any

import numpy as np

from piade_tf.config import DEEPEST

WHITE = 255
DEPTHS = (8, 10, 12, 14, DEEPEST)  # of cameras


def bits_in_use(largest: int) -> int:
    """The fewest bits of a camera, one of `DEPTHS`, that hold a grey value."""
    return next(bits for bits in DEPTHS if largest < 1 << bits)


def in_eight_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Grey values of more than 8 bits as pixels.

    Args:
        values: array of any shape, integers, 0 to 65535.
        bits: how many are in use, 8 to 16: 2^bits - 1 becomes 255, and so does what is above.

    Returns:
        The same shape, uint8.
    """
    largest = (1 << bits) - 1
    return np.round(np.minimum(values, largest) * (WHITE / largest)).astype("uint8")


def share_beyond(values: np.ndarray, bits: int) -> float:
    """Which share of grey values, integers, 0 to 65535, `in_eight_bits` cuts off, 0 to 1."""
    return float(np.mean(values >= 1 << bits))


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
    import tensorflow as tf

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
    import tensorflow as tf

    return tf.cast(tf.round(WHITE * tf.clip_by_value(values, 0, 1)), tf.uint8)
