"""From a split of uint8 images to the batches that the network takes."""

import tensorflow as tf

from piade_tf.config import AugmentName
from piade_tf.data.augmentation import augmented
from piade_tf.data.shares import IMAGE, WEIGHT, Share
from piade_tf.data.splits import Split
from piade_tf.pixels import to_unit

SHUFFLE_BUFFER_BYTES = 256 << 20


def batches(
    split: Split,
    batch_size: int,
    shuffle_seed: int | None = None,
    augment: AugmentName = "none",
    share: Share | None = None,
) -> tf.data.Dataset:
    """Batches of float32 images in [0, 1].

    Args:
        split: the images.
        batch_size: images a batch; the last batch may have fewer.
        shuffle_seed: shuffles anew in each epoch, the same way for the same seed. None keeps the order.
        augment: how images are changed at random, anew in each epoch; needs a `shuffle_seed`.
        share: of each batch, of which nothing else is read; None: all of it.

    Returns:
        A `tf.data.Dataset` of `(batch, height, width, channels)`. Of a share a dict of these, `image`, and `weight`,
        see `Share.weights`; an element for each device in turn.
    """
    items = split.items
    if shuffle_seed is not None:
        # Items before decoding, where they are paths: the buffer then holds them all.
        buffer = min(split.count, max(1, SHUFFLE_BUFFER_BYTES // max(1, split.item_bytes)))
        items = items.shuffle(buffer, seed=shuffle_seed, reshuffle_each_iteration=True)
    images = split.decoded(share.of(items, batch_size) if share else items)
    if shuffle_seed is not None:
        images = augmented(images, augment, shuffle_seed + (share.own.start if share else 0))
    if share is None:
        return batched(images, batch_size)
    rows = share.rows(batch_size)
    weights = share.weights(split.count, batch_size).batch(rows, drop_remainder=True)
    return tf.data.Dataset.zip({IMAGE: batched(images, rows, is_full=True), WEIGHT: weights})


def variants(split: Split, augment: AugmentName, seed: int) -> list[tf.data.Dataset]:
    """The images of a split as they may look another time: each as another device might prepare it (see `jitter`), and,
    where images may be changed, each changed once.

    Args:
        split: normal images.
        augment: how images may be changed without becoming anomalous.
        seed: of the changes.

    Returns:
        Datasets of unbatched uint8 images, each in the order of the split.
    """
    found = [] if split.jittered is None else [split.jittered(seed)]
    return found if augment == "none" else [*found, augmented(split.images, augment, seed, split.first)]


def batched(images: tf.data.Dataset, batch_size: int, is_full: bool = False) -> tf.data.Dataset:
    """Batches of float32 in [0, 1] of unbatched uint8 images; their length is known where every batch `is_full`."""
    return (
        images.batch(batch_size, drop_remainder=is_full).map(to_unit, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    )
