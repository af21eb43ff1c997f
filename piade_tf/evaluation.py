"""What the scores are worth on labelled images."""

import dataclasses
from typing import Any

import keras
import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from piade_tf.data import Split, batches
from piade_tf.inference import outputs_of

SCORE_PREFIX = "score_"


@dataclasses.dataclass(frozen=True)
class Scored:
    """The scores of a split, in the split's order.

    Attributes:
        pred_score: `(count,)`, float32, of the score that decides.
        by_name: every score by its name, `(count,)`.
    """

    pred_score: np.ndarray
    by_name: dict[str, np.ndarray]


def score_split(inspection: keras.Model, split: Split, batch_size: int) -> Scored:
    """Scores every image of a split; maps and reconstructions are not kept.

    Args:
        inspection: as `Scorer.inspection_model` gives it.
        split: the images.
        batch_size: images at a time.
    """
    names = [name for name in inspection.output if name.startswith(SCORE_PREFIX)]
    scores = keras.Model(inspection.input, {name: inspection.output[name] for name in ["pred_score", *names]})
    results = list(outputs_of(scores, batches(split, batch_size)))
    columns = {name: np.concatenate([result[name] for result in results]) for name in scores.output}
    return Scored(columns.pop("pred_score"), {name.removeprefix(SCORE_PREFIX): columns[name] for name in columns})


def image_metrics(labels: np.ndarray, scored: Scored) -> dict[str, Any]:
    """Image-level metrics, fractions of 1.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        scored: the scores of the same images.

    Returns:
        `image_AUROC`, `image_AUPR` (average precision), `image_F1Max` (the best F1 over all thresholds),
        `n_normal`, `n_anomalous`, and `image_AUROC_by_score`; the metrics are None where one of the two
        kinds is missing.
    """
    n_anomalous = int(labels.sum())
    n_normal = len(labels) - n_anomalous
    counts = {"n_normal": n_normal, "n_anomalous": n_anomalous}
    if not (n_normal and n_anomalous):
        return {"image_AUROC": None, "image_AUPR": None, "image_F1Max": None, **counts, "image_AUROC_by_score": None}
    return {
        "image_AUROC": float(roc_auc_score(labels, scored.pred_score)),
        "image_AUPR": float(average_precision_score(labels, scored.pred_score)),
        "image_F1Max": f1_max(labels, scored.pred_score),
        **counts,
        "image_AUROC_by_score": {name: float(roc_auc_score(labels, values)) for name, values in scored.by_name.items()},
    }


def f1_max(labels: np.ndarray, scores: np.ndarray) -> float:
    """The largest F1 that any threshold on `scores` reaches, 0 to 1."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    return float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12)))
