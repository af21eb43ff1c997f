"""Data sets that are small enough to be held as arrays: one class is normal, every other an anomaly."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from piade_tf.config import SMALLEST_PRETRAINED
from piade_tf.data.alike import alike_warning, digest_of
from piade_tf.data.decode import grey_in_colour
from piade_tf.data.source import ImageSet, Source, find_class, fingerprint

ENLARGED = 160  # pixels


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """Images in memory: `(n, height, width, channels)`, uint8, and the class number of each, `(n,)`."""

    images: np.ndarray
    labels: np.ndarray


def size_of_classes(size: tuple[int, int], grey: bool) -> tuple[int, int]:
    """The size in which images of classes are shown to the network, unless the options say another.

    Small ones in colour are enlarged, their shorter side to 160: objects are told apart by a pretrained encoder, which
    sees nothing in a few pixels. docs/results.md has what that is worth.

    Args:
        size: height and width of the images.
        grey: whether they are; digits and the like are learned from scratch.
    """
    side = min(size)
    if grey or side >= SMALLEST_PRETRAINED:
        return size
    return (round(size[0] * ENLARGED / side), round(size[1] * ENLARGED / side))


def one_class_source(
    train: LabelledImages, test: LabelledImages, class_names: Sequence[str], normal_class: str | None, layout: str
) -> Source:
    """The one-class protocol over arrays.

    Args:
        train, test: the data set's own splits.
        class_names: the name of each class number.
        normal_class: number or name of the normal class; None: the first.
        layout: what the data set is, in words.

    Raises:
        InputError: an unknown class.
    """
    normal = find_class(class_names[0] if normal_class is None else normal_class, class_names)
    names = np.array(class_names)
    height, width, channels = train.images.shape[1:]
    learned = np.flatnonzero(train.labels == normal)
    alike = alike_warning([digest_of(image) for image in train.images[learned]], learned.astype(str).tolist())
    grey = all(grey_in_colour(image) for image in train.images[learned])
    return Source(
        kind="classes",
        layout=layout,
        train=_image_set(train, normal, names),
        test=_image_set(test, normal, names),
        normal_class=class_names[normal],
        default_size=size_of_classes((height, width), grey),
        grey=grey,
        kinds={f"{width}x{height} {'L' if channels == 1 else 'RGB'}": len(train.images) + len(test.images)},
        fingerprint=fingerprint(train.images, train.labels, test.images, test.labels),
        warnings=(alike,) if alike else (),
    )


def _image_set(data: LabelledImages, normal: int, names: np.ndarray) -> ImageSet:
    return ImageSet(
        items=lambda indices: tf.data.Dataset.from_tensor_slices(data.images[indices]),
        read=None,
        classes=names[data.labels],
        labels=(data.labels != normal).astype("int64"),
        ids=np.arange(len(data.images)).astype(str),
        item_bytes=data.images[0].nbytes if len(data.images) else 0,
    )
