"""What every data source yields, and how it is divided: four splits of uint8 images."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from piade_tf.config import Kind
from piade_tf.data.decode import decode_file
from piade_tf.data.jitter import jittered
from piade_tf.data.preparation import Preparation
from piade_tf.errors import InputError

HELD_OUT_SHARE, HELD_OUT_SHARE_OF_FEW, FEW = 0.1, 0.2, 100
HELD_OUT_MOST = 300  # enough to promise one false alarm in 300; what is beyond serves training better
LEAST_IMAGES = 5
READ_TOGETHER = 64  # items
TEST_EVERY = 4  # of the normal images, where a source has no test split of its own


@dataclasses.dataclass(frozen=True)
class Split:
    """Images in a fixed order.

    Attributes:
        items: unbatched `tf.data.Dataset` of what `read` takes: paths, encoded images or pixels.
        count: number of images.
        read: from an item to `(height, width, channels)`, uint8, 0 to 255. None: items are that already.
        item_bytes: size of an item, for the buffer in which they are shuffled.
        jittered: from a seed to the unbatched images, each as another device might prepare it; None: not known.
    """

    items: tf.data.Dataset
    count: int
    read: Callable[[Any], Any] | None = None
    item_bytes: int = 0
    jittered: Callable[[int], tf.data.Dataset] | None = None

    @property
    def images(self) -> tf.data.Dataset:
        """Unbatched images, in order."""
        return self.decoded(self.items)

    def decoded(self, items: tf.data.Dataset) -> tf.data.Dataset:
        """The images of `items`, this split's in any order."""
        return items if self.read is None else items.map(self.read, num_parallel_calls=tf.data.AUTOTUNE)


@dataclasses.dataclass(frozen=True)
class LabelledSplit(Split):
    """A split with what is known of each image.

    Attributes:
        labels: `(count,)`, int64: 0 normal, 1 anomalous.
        classes: `(count,)`, the name of each image's class.
        ids: `(count,)`, the path or the index of each image in its source.
        masks: of `(height, width)`, uint8, 1 where a pixel is anomalous; None where no image has one.
        has_mask: `(count,)`, bool: False for an anomalous image of which no mask is known; its mask is then zero.
    """

    labels: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "int64"))
    classes: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "str"))
    ids: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "str"))
    masks: Split | None = None
    has_mask: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "bool"))


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True)
class DataSplits:
    """Normal images to learn from, and labelled ones to test on.

    Attributes:
        train: the images that the network and the statistics of the scores are fitted to.
        validation: held out for early stopping and for standardising the scores.
        calibration: held out for the threshold and nothing else.
        test: labelled images, normal and anomalous; perhaps none.
        normal_class: name of the class that is normal.
        image_shape: `(height, width, channels)`.
        fingerprint: SHA-256 of all images and labels as they were found, in hexadecimal.
        kind: parts: photographs of parts, good and defective ones. classes: one class told apart from others.
        layout: what was found, in words.
        preparation: how an image becomes one of `image_shape`.
        skipped: files that could not be read.
        warnings: what else the user should know, a sentence each.
    """

    train: Split
    validation: Split
    calibration: Split
    test: LabelledSplit
    normal_class: str
    image_shape: tuple[int, int, int]
    fingerprint: str
    kind: Kind = "classes"
    layout: str = ""
    preparation: Preparation | None = None
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Labelled images that can be had in any order, before anything is held out.

    Attributes:
        items: from indices `(n,)` to the `tf.data.Dataset` of those items.
        read: from an item, bytes, to an array `(h, w, 1 or 3)`, uint8, of any size. None: items are that already.
        classes: `(count,)`, the name of each image's class.
        labels: `(count,)`, int64: 0 normal, 1 anomalous.
        ids: `(count,)`, path or index.
        masks: `(count,)`, the path of each image's mask or an empty string; None where there are no masks.
        item_bytes: size of an item.
    """

    items: Callable[[np.ndarray], tf.data.Dataset]
    read: Callable[[bytes], np.ndarray] | None
    classes: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    masks: np.ndarray | None = None
    item_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Source:
    """What a data source found.

    Attributes:
        kind: as in `DataSplits`.
        layout: in words.
        train: images to learn from; those of label 0 are used.
        test: images to test on, perhaps none.
        normal_class: name.
        default_size: height and width where the options leave them open.
        grey: whether every normal training image is.
        kinds: number of images by size and mode, such as "900x900 RGB".
        fingerprint, skipped, warnings: as in `DataSplits`.
    """

    kind: Kind
    layout: str
    train: ImageSet
    test: ImageSet
    normal_class: str
    default_size: tuple[int, int]
    grey: bool
    kinds: dict[str, int]
    fingerprint: str
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()


def hold_out(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divides `count` normal training images at random, the same way for the same seed.

    Validation and calibration take a tenth each, at least 20 and at most 300 images; of fewer than 100 images a fifth.

    Returns:
        Indices of the training, validation and calibration images, each sorted.

    Raises:
        InputError: fewer than 5 images.
    """
    if count < LEAST_IMAGES:
        raise InputError(
            f"{count} normal training images are too few: at least {LEAST_IMAGES} are needed, of which a fifth is held "
            "out for validation and a fifth for the threshold; add images"
        )
    least = round(HELD_OUT_SHARE_OF_FEW * min(count, FEW))
    held_out = min(max(least, round(HELD_OUT_SHARE * count)), HELD_OUT_MOST)
    order = np.random.default_rng(seed).permutation(count)
    validation, calibration, train = np.split(order, [held_out, 2 * held_out])
    return np.sort(train), np.sort(validation), np.sort(calibration)


def without_test_split(labels: np.ndarray, order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Where a source has no test split: every fourth normal image and all others are for testing.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        order: of the images, e.g. by the angle of the view. None: as they come.

    Returns:
        Indices to train on and to test on, each sorted.
    """
    normal = np.arange(len(labels)) if order is None else np.asarray(order)
    normal = normal[labels[normal] == 0]
    held_out = normal[TEST_EVERY - 1 :: TEST_EVERY]
    test = np.union1d(np.flatnonzero(labels != 0), held_out)
    return np.setdiff1d(normal, held_out), test


def divide(source: Source, preparation: Preparation, seed: int) -> DataSplits:
    """The protocol: learn from normal images, of which some are held out, and test on all kinds.

    Args:
        source: the images.
        preparation: to one size and number of channels.
        seed: decides which images are held out.

    Raises:
        InputError: too few normal images.
    """
    normal = np.flatnonzero(source.train.labels == 0)
    train, validation, calibration = (
        Split(**_prepared(source.train, normal[indices], preparation)) for indices in hold_out(len(normal), seed)
    )
    return DataSplits(
        train=train,
        validation=validation,
        calibration=calibration,
        test=labelled_split(source.test, preparation),
        normal_class=source.normal_class,
        image_shape=preparation.shape,
        fingerprint=source.fingerprint,
        kind=source.kind,
        layout=source.layout,
        preparation=preparation,
        skipped=source.skipped,
        warnings=source.warnings,
    )


def labelled_split(images: ImageSet, preparation: Preparation) -> LabelledSplit:
    """All images of a set, prepared, with their labels and masks."""
    every = np.arange(len(images.labels))
    masks_known = np.zeros(len(every), bool) if images.masks is None else images.masks != ""
    return LabelledSplit(
        **_prepared(images, every, preparation),
        labels=images.labels,
        classes=images.classes,
        ids=images.ids,
        masks=_masks(images, preparation),
        has_mask=(images.labels == 0) | masks_known,
    )


def all_normal(split: Split, normal_class: str) -> LabelledSplit:
    """A split of normal images with the labels that say so."""
    count = split.count
    return LabelledSplit(
        split.items,
        count,
        split.read,
        split.item_bytes,
        labels=np.zeros(count, "int64"),
        classes=np.full(count, normal_class),
        ids=np.arange(count).astype(str),
        has_mask=np.ones(count, bool),
    )


def _prepared(images: ImageSet, indices: np.ndarray, preparation: Preparation) -> dict[str, Any]:
    decode = images.read or _as_it_is

    def read(item):
        pixels = tf.numpy_function(lambda content: preparation(decode(content)), [item], tf.uint8)
        return tf.ensure_shape(pixels, preparation.shape)

    def read_jittered(item, seed):
        pixels = tf.numpy_function(
            lambda content, number: jittered(decode(content), preparation, np.random.default_rng(number)),
            [item, seed],
            tf.uint8,
        )
        return tf.ensure_shape(pixels, preparation.shape)

    def all_jittered(seed: int) -> tf.data.Dataset:
        seeds = tf.data.Dataset.range(seed * len(indices), (seed + 1) * len(indices))
        return tf.data.Dataset.zip(items, seeds).map(read_jittered, num_parallel_calls=tf.data.AUTOTUNE)

    items = images.items(indices)
    as_it_is = images.read is None and items.element_spec.shape == preparation.shape
    return {
        "items": items,
        "count": len(indices),
        "read": None if as_it_is else read,
        "jittered": all_jittered,
        "item_bytes": images.item_bytes,
    }


def _as_it_is(pixels: np.ndarray) -> np.ndarray:
    return pixels


def _masks(images: ImageSet, preparation: Preparation) -> Split | None:
    if images.masks is None or not np.any(images.masks != ""):
        return None
    blank = np.zeros(preparation.shape[:2], "uint8")

    def prepared(path):
        return preparation.mask(decode_file(path).max(-1, keepdims=True)) if path else blank

    def read(path):
        return tf.ensure_shape(tf.numpy_function(prepared, [path], tf.uint8), preparation.shape[:2])

    return Split(paths_dataset(images.masks), len(images.masks), read)


def paths_dataset(paths: Iterable[str]) -> tf.data.Dataset:
    """Paths as bytes: names need not be valid Unicode."""
    return tf.data.Dataset.from_tensor_slices(tf.constant([os.fsencode(path) for path in paths], tf.string))


def only(dataset: tf.data.Dataset, wanted: np.ndarray) -> tf.data.Dataset:
    """The elements for which `wanted`, `(n,)`, bool, is true, of the first n; in order."""
    numbered = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(wanted), dataset)
    kept = numbered.filter(_first).map(_second)
    return kept.apply(tf.data.experimental.assert_cardinality(int(wanted.sum())))


def images_at(split: Split, indices: np.ndarray) -> np.ndarray:
    """The images or masks at those places, in that order, `(n, height, width, ...)`; no other is decoded."""
    if not len(indices):
        return np.empty((0, *split.images.element_spec.shape), "uint8")
    wanted = np.zeros(split.count, bool)
    wanted[indices] = True
    found, start = [], 0
    for batch in split.items.batch(READ_TOGETHER).as_numpy_iterator():
        found.extend(batch[wanted[start : start + len(batch)]])
        start += len(batch)
        if start > max(indices):
            break
    found = [found[place] for place in np.searchsorted(np.flatnonzero(wanted), indices)]
    if split.read is None:
        return np.stack(found)
    spec = split.items.element_spec  # to name the type: NumPy would cut the zeros off the end of a file's content
    items = tf.constant(found, spec.dtype, [len(found), *spec.shape])
    return np.stack(list(split.decoded(tf.data.Dataset.from_tensor_slices(items)).as_numpy_iterator()))


def _first(keep, _element):
    return keep


def _second(_keep, element):
    return element


def find_class(wanted: str, class_names: Sequence[str]) -> int:
    """The number of the class that `wanted` gives by number or, whatever its case, by name."""
    lowered = [name.lower() for name in class_names]
    if wanted.lower() in lowered:
        return lowered.index(wanted.lower())
    if wanted.isdecimal() and int(wanted) < len(class_names):
        return int(wanted)
    known = [name if name == str(i) else f"{i} {name}" for i, name in enumerate(class_names)]
    listed = ", ".join(known[:100]) + (", ..." if len(known) > 100 else "")
    raise InputError(f"--normal-class: no class {wanted!r}; choose one of {listed}")


def fingerprint(*arrays: np.ndarray) -> str:
    """SHA-256 over the shapes and the bytes of arrays, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
