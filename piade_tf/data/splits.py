"""What every data source yields: four splits of uint8 images."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from piade_tf.errors import InputError

HELD_OUT_SHARE, HELD_OUT_LEAST = 0.1, 20


@dataclasses.dataclass(frozen=True)
class Split:
    """Images in a fixed order.

    Attributes:
        images: unbatched `tf.data.Dataset` of `(height, width, channels)`, uint8, 0 to 255.
        count: number of images.
    """

    images: tf.data.Dataset
    count: int


@dataclasses.dataclass(frozen=True)
class LabelledSplit(Split):
    """A split with what is known of each image.

    Attributes:
        labels: `(count,)`, int64: 0 normal, 1 anomalous.
        classes: `(count,)`, the name of each image's class.
        ids: `(count,)`, the path or the index of each image in its source.
    """

    labels: np.ndarray
    classes: np.ndarray
    ids: np.ndarray


@dataclasses.dataclass(frozen=True)
class DataSplits:
    """Normal images to learn from, and labelled ones to test on.

    Attributes:
        train: the images that the network and the statistics of the scores are fitted to.
        validation: held out for early stopping and for standardising the scores.
        calibration: held out for the threshold and nothing else.
        test: labelled images, normal and anomalous.
        normal_class: name of the class that is normal.
        image_shape: `(height, width, channels)`.
        fingerprint: SHA-256 of all pixels and labels before resizing, in hexadecimal.
    """

    train: Split
    validation: Split
    calibration: Split
    test: LabelledSplit
    normal_class: str
    image_shape: tuple[int, int, int]
    fingerprint: str


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """Images in memory: `(n, height, width, channels)`, uint8, and the class number of each, `(n,)`."""

    images: np.ndarray
    labels: np.ndarray


def hold_out(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divides `count` normal training images at random, the same way for the same seed.

    Validation and calibration take a tenth each, at least 20.

    Returns:
        Indices of the training, validation and calibration images, each sorted.

    Raises:
        InputError: fewer images are left to train on than are held out.
    """
    held_out = max(HELD_OUT_LEAST, round(HELD_OUT_SHARE * count))
    if count - 2 * held_out < held_out:
        raise InputError(
            f"{count} normal training images are too few: {held_out} are held out for validation and {held_out} for "
            f"the threshold, and at least {held_out} must be left to learn from; add images"
        )
    order = np.random.default_rng(seed).permutation(count)
    validation, calibration, train = np.split(order, [held_out, 2 * held_out])
    return np.sort(train), np.sort(validation), np.sort(calibration)


def one_class_splits(
    train: LabelledImages,
    test: LabelledImages,
    class_names: Sequence[str],
    normal_class: str,
    image_size: int | None,
    seed: int,
) -> DataSplits:
    """The one-class protocol: learn from one class, test on all, every other class an anomaly.

    Args:
        train, test: the data set's own splits.
        class_names: the name of each class number.
        normal_class: number or name of the normal class.
        image_size: side that images are resized to (bilinear), or None to keep theirs.
        seed: decides which images are held out.

    Raises:
        InputError: an unknown class, or too few images of it.
    """
    normal = find_class(normal_class, class_names)
    normal_images = train.images[train.labels == normal]
    indices = hold_out(len(normal_images), seed)
    size = (image_size, image_size) if image_size else train.images.shape[1:3]

    def resized(images: np.ndarray) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_tensor_slices(images)
        return dataset.map(lambda image: resize(image, size), num_parallel_calls=tf.data.AUTOTUNE)

    learned, validation, calibration = (Split(resized(normal_images[index]), len(index)) for index in indices)
    return DataSplits(
        train=learned,
        validation=validation,
        calibration=calibration,
        test=LabelledSplit(
            images=resized(test.images),
            count=len(test.images),
            labels=(test.labels != normal).astype("int64"),
            classes=np.array(class_names)[test.labels],
            ids=np.arange(len(test.images)).astype(str),
        ),
        normal_class=class_names[normal],
        image_shape=(*size, train.images.shape[3]),
        fingerprint=fingerprint(train.images, train.labels, test.images, test.labels),
    )


def find_class(wanted: str, class_names: Sequence[str]) -> int:
    """The number of the class that `wanted` gives by number or, whatever its case, by name."""
    if wanted.isdecimal() and int(wanted) < len(class_names):
        return int(wanted)
    lowered = [name.lower() for name in class_names]
    if wanted.lower() in lowered:
        return lowered.index(wanted.lower())
    known = ", ".join(name if name == str(i) else f"{i} {name}" for i, name in enumerate(class_names))
    raise InputError(f"--normal-class: no class {wanted!r}; choose one of {known}")


def resize(image, size: tuple[int, int]):
    """Resizes `(height, width, channels)`, uint8, to `size`, bilinear with antialiasing; uint8."""
    if tuple(image.shape[:2]) == tuple(size):
        return image
    resized = tf.image.resize(image, size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def fingerprint(*arrays: np.ndarray) -> str:
    """SHA-256 over the shapes and the bytes of arrays, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
