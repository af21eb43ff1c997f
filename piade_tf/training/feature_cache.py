"""What a frozen encoder makes of the images, computed once: an epoch then costs the decoder alone."""

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from piade_tf.data import Split, batches
from piade_tf.data.pipeline import SHUFFLE_BUFFER_BYTES
from piade_tf.data.shares import IMAGE, WEIGHT, Share
from piade_tf.free_memory import free_memory
from piade_tf.model.inference import outputs_of
from piade_tf.model.network import pooled_map
from piade_tf.pixels import to_unit
from piade_tf.workers import ALONE, Workers

FEATURES = "features"
SHARE_OF_MEMORY = 0.25  # of what is free, that features may take
BATCH = 32


def with_features(
    network: keras.Model,
    split: Split,
    batch_size: int,
    shuffle_seed: int | None = None,
    workers: Workers = ALONE,
) -> Callable[[Share | None], tf.data.Dataset] | None:
    """Batches of images together with the features that the decoder starts from.

    Args:
        network: with a frozen encoder.
        split: the images.
        batch_size: images a batch; the last batch may have fewer.
        shuffle_seed: shuffles anew in each epoch, the same way for the same seed. None keeps the order.
        workers: that share the computation; each has all features then.

    Returns:
        From a share of each batch, None for all of it, to a dataset of dicts: `image`,
        `(batch, height, width, channels)`, float32 in [0, 1], `features`, float32, and of a share `weight`, see
        `batches`. None where the features would take more than a quarter of the free memory.
    """
    shape = pooled_map(network).shape[1:]
    fits = 4 * split.count * math.prod(shape) <= SHARE_OF_MEMORY * free_memory()
    if workers.added_up(np.array(int(fits))) < workers.count:
        return None
    pooled = keras.ops.cast(pooled_map(network), "float32")  # where the encoder computes in half precision
    encoder = keras.Model(network.input, {FEATURES: pooled})
    own = split.part(workers.share(split.count))
    found = [outputs[FEATURES] for outputs in outputs_of(encoder, batches(own, BATCH))]
    joined = workers.joined({FEATURES: np.concatenate(found)} if found else {})
    features = tf.data.Dataset.from_tensor_slices(joined[FEATURES])
    pairs = tf.data.Dataset.zip(split.images, features)
    if shuffle_seed is not None:
        item = 4 * math.prod(shape) + math.prod(network.input.shape[1:])
        buffer = min(split.count, max(1, SHUFFLE_BUFFER_BYTES // item))
        pairs = pairs.shuffle(buffer, seed=shuffle_seed, reshuffle_each_iteration=True)

    def dataset(share: Share | None) -> tf.data.Dataset:
        if share is None:
            return pairs.batch(batch_size).map(_named, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
        rows, weights = share.rows(batch_size), share.weights(split.count, batch_size)
        own = share.of(pairs, batch_size).batch(rows, drop_remainder=True)
        named = own.map(_named, num_parallel_calls=tf.data.AUTOTUNE)
        return tf.data.Dataset.zip(named, weights.batch(rows, drop_remainder=True)).map(_weighted).prefetch(2)

    return dataset


def _weighted(batch, weight):
    return {**batch, WEIGHT: weight}


def _named(images, features):
    return {IMAGE: to_unit(images), FEATURES: features}
