"""The worst mistakes of a detector at its threshold, with what it makes of those images."""

import dataclasses
from typing import Literal

import keras
import numpy as np

from piade_tf.data import LabelledSplit
from piade_tf.data.reading import images_at
from piade_tf.model.inference import outputs_of
from piade_tf.pixels import to_bytes, to_unit

MistakeKind = Literal["false alarm", "miss"]


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A test image on the wrong side of the threshold, with what the detector made of it."""

    kind: MistakeKind  # a normal image that was flagged, or an anomalous one that was not
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
    images = images_at(split, indices)
    (outputs,) = outputs_of(inspection, [to_unit(images)])
    reconstructions = to_bytes(outputs["reconstruction"])
    return [
        Mistake(
            kind="false alarm" if flagged[index] else "miss",
            image_id=str(split.ids[index]),
            class_name=str(split.classes[index]),
            score=float(scores[index]),
            image=image,
            reconstruction=reconstruction,
            anomaly_map=anomaly_map,
        )
        for index, image, reconstruction, anomaly_map in zip(
            indices, images, reconstructions, outputs["anomaly_map"], strict=True
        )
    ]
