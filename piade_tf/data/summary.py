"""What is in a data set, in numbers and in one picture, before anything is trained."""

import dataclasses
from collections import Counter

import numpy as np
import tensorflow as tf

from piade_tf.config import AugmentName
from piade_tf.data.augmentation import augmented
from piade_tf.data.reading import images_at
from piade_tf.data.source import Source
from piade_tf.data.splits import DataSplits

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
    learned = images_at(data.train, _chosen(np.arange(data.train.count), each, seed))
    found = [Samples(f"train, {data.normal_class} (normal)", learned)]
    for name in AUGMENTATIONS[1:]:
        changed = augmented(tf.data.Dataset.from_tensor_slices(learned), name, seed)
        found.append(Samples(f"the same, --augment {name}", np.stack(list(changed.as_numpy_iterator()))))
    for class_name in np.unique(data.test.classes):
        indices = np.flatnonzero(data.test.classes == class_name)
        chosen = _chosen(indices, each, seed)
        kind = "anomalous" if data.test.labels[indices[0]] else "normal"
        title = f"test, {class_name} ({kind})"
        masks = None if data.test.masks is None else images_at(data.test.masks, chosen)
        found.append(Samples(title, images_at(data.test, chosen), masks))
    return found


def _chosen(indices: np.ndarray, each: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).permutation(indices)[:each])
