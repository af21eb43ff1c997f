"""The untrained decoder behind a frozen encoder gives the background's colour."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.data import Split
from piade_tf.training.typical_pixel import IMAGES, start_at_typical_pixel

BACKGROUND = (245, 40, 130)


def network(activation):
    image = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(2, 1, kernel_initializer="zeros")(image)
    last = keras.layers.Conv2DTranspose(3, 2, padding="same", name="decoder_last_conv")(features)
    return keras.Model(image, keras.layers.Activation(activation, name="reconstruction")(last))


def photographs(count):
    """A small part, whose brightness changes, before a background."""
    images = np.full((count, 8, 8, 3), BACKGROUND, "uint8")
    images[:, 2:6, 2:6] = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3))
    return Split(tf.data.Dataset.from_tensor_slices(images), count)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_it_starts_at_the_median_of_each_channel(activation):
    decoder = network(activation)
    start_at_typical_pixel(decoder, photographs(5))
    found = decoder.predict(np.zeros((1, 8, 8, 3), "float32"), verbose=0)[0, 0, 0]
    np.testing.assert_allclose(found, np.array(BACKGROUND) / 255, atol=1e-4)


def test_white_and_black_have_finite_biases():
    decoder = network("sigmoid")
    white = np.full((2, 8, 8, 3), 255, "uint8")
    white[..., 0] = 0
    start_at_typical_pixel(decoder, Split(tf.data.Dataset.from_tensor_slices(white), 2))
    np.testing.assert_allclose(decoder.get_layer("decoder_last_conv").bias, np.log([0.02 / 0.98, 49, 49]), rtol=1e-5)


def test_the_first_images_are_enough():
    read = []

    def noted(pixels):
        tf.py_function(lambda: read.append(1), [], [])
        return pixels

    of_all = photographs(3 * IMAGES)
    start_at_typical_pixel(network("sigmoid"), Split(of_all.items, of_all.count, noted))
    assert len(read) == IMAGES
