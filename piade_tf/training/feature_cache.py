"""What a frozen encoder makes of the images, computed once: an epoch then costs the decoder alone."""

import math

import keras
import numpy as np
import tensorflow as tf

from piade_tf.data import Split, batches
from piade_tf.data.pipeline import SHUFFLE_BUFFER_BYTES
from piade_tf.free_memory import free_memory
from piade_tf.model.inference import outputs_of
from piade_tf.model.network import pooled_map
from piade_tf.pixels import to_unit

IMAGE, FEATURES = "image", "features"
SHARE_OF_MEMORY = 0.25  # of what is free, that features may take
BATCH = 32


def with_features(
    network: keras.Model, split: Split, batch_size: int, shuffle_seed: int | None = None
) -> tf.data.Dataset | None:
    """Batches of images together with the features that the decoder starts from.

    Args:
        network: with a frozen encoder.
        split: the images.
        batch_size: images a batch; the last batch may have fewer.
        shuffle_seed: shuffles anew in each epoch, the same way for the same seed. None keeps the order.

    Returns:
        A dataset of dicts: `image`, `(batch, height, width, channels)`, float32 in [0, 1], and `features`, float32.
        None where the features would take more than a quarter of the free memory.
    """
    shape = pooled_map(network).shape[1:]
    if 4 * split.count * math.prod(shape) > SHARE_OF_MEMORY * free_memory():
        return None
    pooled = keras.ops.cast(pooled_map(network), "float32")  # where the encoder computes in half precision
    encoder = keras.Model(network.input, {FEATURES: pooled})
    found = [outputs[FEATURES] for outputs in outputs_of(encoder, batches(split, BATCH))]
    features = tf.data.Dataset.from_tensor_slices(np.concatenate(found))
    pairs = tf.data.Dataset.zip(split.images, features)
    if shuffle_seed is not None:
        item = 4 * math.prod(shape) + math.prod(network.input.shape[1:])
        buffer = min(split.count, max(1, SHUFFLE_BUFFER_BYTES // item))
        pairs = pairs.shuffle(buffer, seed=shuffle_seed, reshuffle_each_iteration=True)
    return pairs.batch(batch_size).map(_named, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def _named(images, features):
    return {IMAGE: to_unit(images), FEATURES: features}
