"""The preparation of an image inside a TensorFlow graph, for a SavedModel that takes images of any size."""

import tensorflow as tf

from piade_tf.data.preparation import Preparation
from piade_tf.pixels import WHITE


def prepared_in_graph(preparation: Preparation, image):
    """What `preparation` makes of an image, up to one grey level where rounding is a tie.

    Args:
        preparation: of the run.
        image: `(h, w, channels)` of the network, uint8 tensor, of any size.

    Returns:
        `preparation.shape`, uint8.
    """
    resized = _resized(preparation, tf.cast(image, tf.float32))
    image = tf.cast(tf.clip_by_value(tf.round(resized), 0, WHITE), tf.uint8)
    if preparation.crop is not None:
        top, left = ((side - cut) // 2 for side, cut in zip(preparation.size, preparation.crop, strict=True))
        image = image[top : top + preparation.crop[0], left : left + preparation.crop[1]]
    return tf.ensure_shape(image, preparation.shape)


def _resized(preparation: Preparation, image):
    if preparation.resize == "stretch":
        return tf.image.resize(image, preparation.size, antialias=True)
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    factors = tf.cast(preparation.size, tf.float32) / sides
    factor = tf.reduce_min(factors) if preparation.resize == "pad" else tf.reduce_max(factors)
    kept = tf.maximum(tf.cast(tf.round(sides * factor), tf.int32), 1)
    resized = tf.image.resize(image, kept, antialias=True)
    return tf.image.resize_with_crop_or_pad(resized, *preparation.size)
