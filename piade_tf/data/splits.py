"""What training and evaluation take: splits of prepared uint8 images."""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import tensorflow as tf

from piade_tf.config import Kind
from piade_tf.data.preparation import Preparation
from piade_tf.data.source import Skipped


@dataclasses.dataclass(frozen=True)
class Split:
    """Images in a fixed order.

    Attributes:
        items: unbatched `tf.data.Dataset` of what `read` takes: paths, encoded images or pixels.
        count: number of images.
        read: from an item to `(height, width, channels)`, uint8, 0 to 255. None: items are that already.
        item_bytes: size of an item, for the buffer in which they are shuffled.
        jittered: from a seed, and the `range` of some images where not all are wanted, to the unbatched images, each as
            another device might prepare it; None: not known.
        ids: `(count,)`, the path or the index of each image in its source; empty where they are not known.
        groups: `(count,)`, the name of the group of each image, which is not to be parted; empty where there are none.
        first: the number of the first image where the split is a part of another.
        unkept: the same images as they come from their source, where `items` is what is kept of them.
    """

    items: tf.data.Dataset
    count: int
    read: Callable[[Any], Any] | None = None
    item_bytes: int = 0
    jittered: Callable[..., tf.data.Dataset] | None = None
    ids: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "str"))
    groups: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "str"))
    first: int = 0
    unkept: "Split | None" = None

    @property
    def images(self) -> tf.data.Dataset:
        """Unbatched images, in order."""
        return self.decoded(self.items)

    def decoded(self, items: tf.data.Dataset) -> tf.data.Dataset:
        """The images of `items`, this split's in any order."""
        return items if self.read is None else items.map(self.read, num_parallel_calls=tf.data.AUTOTUNE)

    def part(self, rows: range) -> "Split":
        """Some neighbouring images; the others are not read."""
        if rows == range(self.count):
            return self
        if self.unkept is not None:
            return self.unkept.part(rows)
        whole = self.jittered
        return dataclasses.replace(
            self,
            items=self.items.skip(rows.start).take(len(rows)),
            count=len(rows),
            jittered=None if whole is None else lambda seed: whole(seed, rows),
            ids=self.ids[rows.start : rows.stop],
            groups=self.groups[rows.start : rows.stop],
            first=rows.start,
        )


@dataclasses.dataclass(frozen=True)
class LabelledSplit(Split):
    """A split with what is known of each image.

    Attributes:
        labels: `(count,)`, int64: 0 normal, 1 anomalous.
        classes: `(count,)`, the name of each image's class.
        masks: of `(height, width)`, uint8, 1 where a pixel is anomalous; None where no image has one.
        has_mask: `(count,)`, bool: False for an anomalous image of which no mask is known; its mask is then zero.
        in_own_size: from the index of an image that has a mask and its anomaly map, `(height, width)`, to map and mask,
            bool, both in the size of the mask as it is on disk, for a normal image in that of the image; None where
            they have the size of the network, or no image has a mask.
    """

    labels: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "int64"))
    classes: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "str"))
    masks: Split | None = None
    has_mask: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, "bool"))
    in_own_size: Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None

    def part(self, rows: range) -> "LabelledSplit":
        """Some neighbouring images with what is known of them; the others are not read."""
        part = super().part(rows)
        if part is self:
            return self
        whole = self.in_own_size
        return dataclasses.replace(
            cast(LabelledSplit, part),
            **{name: getattr(self, name)[rows.start : rows.stop] for name in ("labels", "classes", "has_mask")},
            masks=None if self.masks is None else self.masks.part(rows),
            in_own_size=None if whole is None else lambda index, anomaly_map: whole(rows.start + index, anomaly_map),
        )


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
        kinds: number of images by size and mode, as in `Source`.
        group_by: which normal images were not to be parted, as `groups_of` takes it.
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
    kinds: dict[str, int] = dataclasses.field(default_factory=dict)
    group_by: str | None = None


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
        ids=split.ids if len(split.ids) else np.arange(count).astype(str),
        has_mask=np.ones(count, bool),
    )
