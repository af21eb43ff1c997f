"""The images to look at: the worst mistakes of a detector at its threshold, or the most unusual good images."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np

from piade_tf.data import DataSplits, LabelledSplit
from piade_tf.data.known_images import GOOD, KnownImage, calibration_images
from piade_tf.data.reading import images_at
from piade_tf.model.inference import outputs_of
from piade_tf.pixels import to_bytes, to_unit

MistakeKind = Literal["false alarm", "miss", "unusual"]


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A test image on the wrong side of the threshold, or a good one unlike the others, with what the detector made of
    it."""

    kind: MistakeKind  # a normal image that was flagged, an anomalous one that was not, or a good image to look at
    image_id: str
    class_name: str
    score: float
    image: np.ndarray  # (height, width, channels), uint8; channels is 1 or 3
    reconstruction: np.ndarray  # same shape, uint8
    anomaly_map: np.ndarray  # (height, width), float, at least 0


def pick_mistakes(labels: np.ndarray, flagged: np.ndarray, scores: np.ndarray, each: int) -> np.ndarray:
    """Indices of the false alarms, the highest score first, then of the misses, the lowest score first.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        flagged: `(n,)`, bool, the verdicts.
        scores: `(n,)`, float.
        each: at most so many of each kind; of equal scores the earlier image comes first.
    """
    false_alarms = np.flatnonzero((labels == 0) & flagged)
    misses = np.flatnonzero((labels == 1) & ~flagged)
    worst_alarms = false_alarms[np.argsort(-scores[false_alarms], kind="stable")][:each]
    worst_misses = misses[np.argsort(scores[misses], kind="stable")][:each]
    return np.concatenate([worst_alarms, worst_misses])


def worst_mistakes(
    inspection: keras.Model, split: LabelledSplit, scores: np.ndarray, threshold: float, each: int = 6
) -> list[Mistake]:
    """The highest scored false alarms and the lowest scored misses.

    Args:
        inspection: as `ScoreSet.inspection_model` gives it.
        split: the images.
        scores: `(split.count,)`, float, in the split's order.
        threshold: an image is flagged if its score is above it.
        each: at most so many of each kind.
    """
    flagged = scores > threshold
    indices = pick_mistakes(split.labels, flagged, scores, each)
    if not len(indices):
        return []
    kinds: list[MistakeKind] = ["false alarm" if flagged[index] else "miss" for index in indices]
    facts = [(str(split.ids[index]), str(split.classes[index]), float(scores[index])) for index in indices]
    return _with_views(inspection, kinds, facts, images_at(split, indices))


def most_unusual(
    inspection: keras.Model, data: DataSplits, known: Sequence[KnownImage], each: int = 6
) -> list[Mistake]:
    """The good images with the highest scores, of those that the threshold was chosen from.

    Args:
        inspection: as `ScoreSet.inspection_model` gives it.
        data: the splits of the run.
        known: every image of theirs, in their order.
        each: at most so many.
    """
    ranked = sorted(calibration_images(known), key=lambda one: -(one.pred_score or 0.0))[:each]
    of_split = {name: [one for one in known if one.split == name] for name in GOOD}
    places = [np.array([of_split[one.split].index(one)]) for one in ranked]
    images = [images_at(getattr(data, one.split), place)[0] for one, place in zip(ranked, places, strict=True)]
    facts = [(one.image, data.normal_class, float(one.pred_score or 0.0)) for one in ranked]
    return _with_views(inspection, ["unusual"] * len(ranked), facts, np.array(images)) if ranked else []


def _with_views(
    inspection: keras.Model, kinds: Sequence[MistakeKind], facts: Sequence[tuple[str, str, float]], images: np.ndarray
) -> list[Mistake]:
    """What the detector makes of images, of which name, class and score are known."""
    (outputs,) = outputs_of(inspection, [to_unit(images)])
    views = zip(kinds, facts, images, to_bytes(outputs["reconstruction"]), outputs["anomaly_map"], strict=True)
    return [Mistake(kind, *fact, image, rebuilt, anomaly_map) for kind, fact, image, rebuilt, anomaly_map in views]
