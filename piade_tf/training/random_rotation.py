"""Images turned at random, to be rebuilt upright."""

import keras
from keras import ops


class RandomRotation(keras.layers.Layer):
    """Turns a share of the images, in training only.

    A network that is to rebuild them upright has to recognise what they show, which a copy of pixels does not need
    (Huang et al., "Attribute restoration framework for anomaly detection", 2020, arXiv 1911.10676).

    Args:
        share: of the images that are turned, 0 to 1: by one, two or three quarters alike; by a half where the images
            are not square.
        seed: of the choice.

    Input and output: `(batch, height, width, channels)`.
    """

    def __init__(self, share: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.share = share
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=None):
        if not (training and self.share):
            return images
        quarters = (1, 2, 3) if images.shape[1] == images.shape[2] else (2,)
        drawn = keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.seed_generator)
        choice = ops.floor(drawn * len(quarters) / self.share)  # past the last: not turned
        result = images
        for number, quarter in enumerate(quarters):
            result = ops.where(choice == number, _turned(images, quarter), result)
        return result

    def compute_output_shape(self, input_shape):
        return input_shape


def _turned(images, quarters: int):
    """As `numpy.rot90`. `keras.ops.rot90` mixes up the rows of images that are not square (Keras 3.15, TensorFlow)."""
    if quarters == 2:
        return ops.flip(images, axis=(1, 2))
    return ops.flip(ops.transpose(images, (0, 2, 1, 3)), axis=1 if quarters == 1 else 2)
