"""What every data source yields, before anything is held out or decoded."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from piade_tf.config import DEEPEST, Kind
from piade_tf.data.names import same_form
from piade_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Labelled images that can be had in any order, before anything is held out.

    Attributes:
        items: from indices `(n,)` to the `tf.data.Dataset` of those items.
        read: from an item, bytes, to an array `(h, w, 1 or 3)`, uint8, of any size. None: items are that already.
        classes: `(count,)`, the name of each image's class.
        labels: `(count,)`, int64: 0 normal, 1 anomalous.
        ids: `(count,)`, path or index.
        masks: `(count,)`, the path of each image's mask, of several joined by a NUL, or an empty string; None where
            there are no masks.
        item_bytes: size of an item.
        sizes: `(count, 2)`, height and width of each image; None where all have the same.
    """

    items: Callable[[np.ndarray], tf.data.Dataset]
    read: Callable[[bytes], np.ndarray] | None
    classes: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    masks: np.ndarray | None = None
    item_bytes: int = 0
    sizes: np.ndarray | None = None


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
        fingerprint, skipped, warnings: as in `DataSplits`; the first is the same whether images are learned or not.
        bits: that grey images of more than 8 bits use.
        passed_over: files and folders beside the images that are none.
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
    bits: int = DEEPEST
    passed_over: tuple[str, ...] = ()


def find_class(wanted: str, class_names: Sequence[str]) -> int:
    """The number of the class that `wanted` gives by number or, whatever its case, by name."""
    compared = [same_form(name) for name in class_names]
    if same_form(wanted) in compared:
        return compared.index(same_form(wanted))
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
