"""What the scores are worth on labelled images."""

import dataclasses
from typing import Any

import keras
import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from piade_tf.data import Split, batches
from piade_tf.inference import outputs_of
from piade_tf.threshold import clopper_pearson

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


def auroc_interval(
    labels: np.ndarray, scores: np.ndarray, seed: int = 0, resamples: int = 1000, confidence: float = 0.95
) -> tuple[float, float]:
    """A percentile bootstrap interval of the AUROC; normal and anomalous images are resampled apart.

    It tells of the images alone, not of training again; scores that separate the two kinds give (1, 1). Efron,
    Tibshirani, "An Introduction to the Bootstrap", 1993.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous, both kinds at least once.
        scores: `(n,)`, finite.
        seed: for each resample the generator draws indices of the normal, then of the anomalous images.
        resamples: at least 1.
        confidence: in (0, 1).

    Raises:
        ValueError: an argument is not as above.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.shape != scores.shape or labels.ndim != 1 or set(np.unique(labels)) != {0, 1}:
        raise ValueError(f"expected labels of both kinds for scores (n,), got {labels.shape} and {scores.shape}")
    if not (np.isfinite(scores).all() and resamples >= 1 and 0 < confidence < 1):
        raise ValueError("expected finite scores, at least one resample and 0 < confidence < 1")
    distinct, ranks = np.unique(scores, return_inverse=True)
    normal, anomalous = ranks[labels == 0], ranks[labels == 1]
    rng = np.random.default_rng(seed)
    aurocs = np.empty(resamples)
    for i in range(resamples):
        normal_counts = np.bincount(_resample(normal, rng), minlength=len(distinct))
        below = np.cumsum(normal_counts) - normal_counts / 2  # normal images below each score, ties by half
        aurocs[i] = below[_resample(anomalous, rng)].mean() / len(normal)
    low, high = np.quantile(aurocs, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _resample(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return values[rng.integers(0, len(values), len(values))]


def confusion(labels: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """What a threshold gets right and wrong; anomalous is positive.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        predicted: `(n,)`, bool, what was taken for anomalous.

    Returns:
        Counts `TP`, `FP`, `TN`, `FN`; fractions `TPR`, `FPR`, `precision`, `recall`, `accuracy`; `FPR_interval`, 95 %
        by Clopper and Pearson. None where there is nothing to divide by.

    Raises:
        ValueError: the shapes differ.
    """
    actual, positive = np.asarray(labels) == 1, np.asarray(predicted, bool)
    if actual.ndim != 1 or actual.shape != positive.shape:
        raise ValueError(f"expected labels and predictions (n,), got {actual.shape} and {positive.shape}")
    tp, fp = int(np.sum(actual & positive)), int(np.sum(~actual & positive))
    fn, tn = int(np.sum(actual & ~positive)), int(np.sum(~actual & ~positive))

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    return {
        **{"TP": tp, "FP": fp, "TN": tn, "FN": fn},
        "TPR": share(tp, tp + fn),
        "FPR": share(fp, fp + tn),
        "FPR_interval": clopper_pearson(fp, fp + tn) if fp + tn else None,
        "precision": share(tp, tp + fp),
        "recall": share(tp, tp + fn),
        "accuracy": share(tp + tn, len(actual)),
    }
