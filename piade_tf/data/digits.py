"""scikit-learn's handwritten digits: 1,797 real images of 8x8 pixels that ship inside the package."""

import dataclasses

import numpy as np

from piade_tf.data.arrays import LabelledImages
from piade_tf.data.source import Source
from piade_tf.pixels import WHITE

CLASS_NAMES = tuple("0123456789")
TEST_SHARE = 0.3
DEFAULT_SIZE = (32, 32)  # 8x8 is below what the network takes


def load() -> tuple[LabelledImages, LabelledImages]:
    """Training and test images. The data set has no split of its own: this one is fixed, stratified by class."""
    from sklearn.datasets import load_digits  # half a second that other data sets need not wait for
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.round(digits.images * (WHITE / 16)).astype("uint8")[..., None]
    indices = train_test_split(np.arange(len(images)), test_size=TEST_SHARE, stratify=digits.target, random_state=0)
    train, test = (LabelledImages(images[index], digits.target[index]) for index in map(np.sort, indices))
    return train, test


def enlarged(source: Source) -> Source:
    """The digits at the size that they are shown to the network in."""
    return dataclasses.replace(source, default_size=DEFAULT_SIZE)
