"""From a split of uint8 images to the batches that the network takes."""

import tensorflow as tf

from piade_tf.data.splits import Split

SHUFFLE_BUFFER_BYTES = 256 << 20


def batches(split: Split, batch_size: int, shuffle_seed: int | None = None) -> tf.data.Dataset:
    """Batches of float32 images in [0, 1].

    Args:
        split: the images.
        batch_size: images a batch; the last batch may have fewer.
        shuffle_seed: shuffles anew in each epoch, the same way for the same seed. None keeps the order.

    Returns:
        A `tf.data.Dataset` of `(batch, height, width, channels)`.
    """
    images = split.images
    if shuffle_seed is not None:
        image_bytes = images.element_spec.shape.num_elements()
        buffer = min(split.count, max(1, SHUFFLE_BUFFER_BYTES // image_bytes))
        images = images.shuffle(buffer, seed=shuffle_seed, reshuffle_each_iteration=True)
    return images.batch(batch_size).map(scale, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def scale(images):
    """uint8, 0 to 255, to float32, 0 to 1."""
    return tf.cast(images, tf.float32) / 255.0
