"""What may be done to a normal part without making it anomalous, by name."""

import tensorflow as tf

from piade_tf.config import AugmentName
from piade_tf.pixels import WHITE

SHIFT, BRIGHTNESS = 0.04, 0.1  # of the side; of the full range


def augmented(images: tf.data.Dataset, name: AugmentName, seed: int, first: int = 0) -> tf.data.Dataset:
    """Changes each image at random, anew in each epoch, the same way for the same seed.

    Args:
        images: unbatched `(height, width, channels)`, uint8.
        name: none; texture: flips and quarter turns (half turns where the image is not square); aligned: shifts by
            up to 4 % of each side, the border repeated, and brightness by up to 10 % of the range.
        seed: of the changes.
        first: the number of the first image, where they are a part of all.

    Returns:
        Images of the same shape, uint8.
    """
    if name == "none":
        return images
    change = {"texture": texture, "aligned": aligned}[name]
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2, drop_remainder=True).skip(first)
    return tf.data.Dataset.zip(images, seeds).map(change, num_parallel_calls=tf.data.AUTOTUNE)


def texture(image, seed):
    """Flips and turns; `seed` is `(2,)`, int64."""
    turns = tf.random.stateless_uniform((2,), seed, 0, 4, tf.int32)
    square = image.shape[0] == image.shape[1]
    turned = tf.image.rot90(image, turns[0]) if square else tf.image.rot90(image, 2 * (turns[0] % 2))
    turned = tf.ensure_shape(turned, image.shape)
    return tf.cond(turns[1] % 2 == 0, lambda: turned, lambda: tf.image.flip_left_right(turned))


def aligned(image, seed):
    """Shifts and brightness; `seed` is `(2,)`, int64."""
    height, width, _ = image.shape
    most = [max(1, round(SHIFT * side)) for side in (height, width)]
    changes = tf.random.stateless_uniform((3,), seed)
    rows, columns = (
        tf.clip_by_value(tf.range(side) + tf.cast(tf.floor((2 * m + 1) * change), tf.int32) - m, 0, side - 1)
        for side, m, change in zip((height, width), most, tf.unstack(changes[:2]), strict=True)
    )
    shifted = tf.gather(tf.gather(image, rows, axis=0), columns, axis=1)
    brighter = tf.cast(shifted, tf.float32) + WHITE * BRIGHTNESS * (2 * changes[2] - 1)
    return tf.cast(tf.clip_by_value(tf.round(brighter), 0, WHITE), tf.uint8)
