"""What is in a data set, in numbers and in one picture, before anything is trained."""

import dataclasses
from collections import Counter

import numpy as np
import tensorflow as tf

from piade_tf.config import AugmentName
from piade_tf.data.augmentation import augmented
from piade_tf.data.splits import DataSplits, LabelledSplit, Source, Split, only

AUGMENTATIONS: tuple[AugmentName, ...] = ("none", "texture", "aligned")


@dataclasses.dataclass(frozen=True)
class Samples:
    """A few images of one kind.

    Attributes:
        title: what they are.
        images: `(n, height, width, channels)`, uint8.
        masks: `(n, height, width)`, uint8, 1 where anomalous; None where there are none.
    """

    title: str
    images: np.ndarray
    masks: np.ndarray | None = None


def class_counts(source: Source) -> dict[str, Counter]:
    """Number of images by split and class."""
    return {name: Counter(getattr(source, name).classes.tolist()) for name in ("train", "test")}


def samples(data: DataSplits, each: int, seed: int) -> list[Samples]:
    """Training images, the same augmented in every way, and test images of every class.

    Args:
        data: the splits.
        each: images of a kind, at most.
        seed: of the choice.
    """
    learned = _pick(data.train, np.arange(data.train.count), each, seed)
    found = [Samples(f"train, {data.normal_class} (normal)", learned)]
    for name in AUGMENTATIONS[1:]:
        changed = augmented(tf.data.Dataset.from_tensor_slices(learned), name, seed)
        found.append(Samples(f"the same, --augment {name}", np.stack(list(changed.as_numpy_iterator()))))
    for class_name in np.unique(data.test.classes):
        indices = np.flatnonzero(data.test.classes == class_name)
        chosen = np.sort(np.random.default_rng(seed).permutation(indices)[:each])
        kind = "anomalous" if data.test.labels[indices[0]] else "normal"
        title = f"test, {class_name} ({kind})"
        found.append(Samples(title, _pick(data.test, chosen, each, None), _masks(data.test, chosen)))
    return found


def _pick(split: Split, indices: np.ndarray, each: int, seed: int | None) -> np.ndarray:
    if seed is not None:
        indices = np.sort(np.random.default_rng(seed).permutation(indices)[:each])
    return np.stack(list(split.decoded(_chosen(split.items, indices)).as_numpy_iterator()))


def _masks(split: LabelledSplit, indices: np.ndarray) -> np.ndarray | None:
    if split.masks is None:
        return None
    masks = split.masks.decoded(_chosen(split.masks.items, indices))
    return np.stack(list(masks.as_numpy_iterator()))


def _chosen(dataset: tf.data.Dataset, indices: np.ndarray) -> tf.data.Dataset:
    """The elements at sorted `indices`; what stands before them is gone through, so it should be cheap."""
    wanted = np.zeros(int(indices[-1]) + 1, bool)
    wanted[indices] = True
    return only(dataset, wanted)
