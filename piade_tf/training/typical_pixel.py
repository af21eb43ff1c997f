"""Where the decoder behind a frozen encoder starts: at the median colour of the images."""

from collections.abc import Callable

import keras
import numpy as np

from piade_tf.data import Split

IMAGES = 64  # that are looked at
LAST = "decoder_last_conv"
INVERSES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda value: np.log(value / (1 - value)),
    "tanh": np.arctanh,
}
MARGIN = 0.02  # from the ends of [0, 1], where the activation has no inverse


def start_at_typical_pixel(network: keras.Model, split: Split) -> None:
    """Sets the bias of the last layer so that it alone gives the median of each channel.

    Much of the decoder's training would otherwise be spent on getting from grey to the background, where most of what
    the last layer sees is zero.

    Args:
        network: of `build_network`; changed in place.
        split: of images, uint8; the first ones count.
    """
    counts = np.zeros((network.input.shape[-1], 256), "int64")
    first = split.part(range(min(IMAGES, split.count)))
    for image in first.images.as_numpy_iterator():
        for channel, of_channel in enumerate(np.moveaxis(image, -1, 0)):
            counts[channel] += np.bincount(of_channel.ravel(), minlength=256)
    reached = np.cumsum(counts, axis=1) >= counts.sum(axis=1, keepdims=True) / 2
    median = np.clip(reached.argmax(axis=1) / 255, MARGIN, 1 - MARGIN)
    activation = network.get_layer("reconstruction").activation.__name__
    network.get_layer(LAST).bias.assign(INVERSES[activation](median))
