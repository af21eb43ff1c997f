"""What the scores are worth on labelled images."""

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from piade_tf.data import LabelledSplit
from piade_tf.evaluation.intervals import auroc_interval, clopper_pearson
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.evaluation.scored_split import Scored
from piade_tf.evaluation.threshold import Threshold

PIXEL_METRICS = ("pixel_AUROC", "pixel_AUPR", "pixel_AUPRO")
RATES = ("TPR", "FPR", "precision", "recall", "accuracy")


def all_metrics(
    split: LabelledSplit,
    scored: Scored,
    threshold: Threshold,
    pixels: dict[str, PixelMetrics],
    own_pixels: PixelMetrics | None = None,
) -> dict[str, Any]:
    """Every metric of a split, fractions of 1; what cannot be had is None, and `reasons` says why.

    Args:
        split: labelled images, perhaps none.
        scored: their scores.
        threshold: decides which are taken for anomalous.
        pixels: as `score_split` fills it.
        own_pixels: the same.

    Returns:
        Those of `image_metrics`; `pixel_AUROC`, `pixel_AUPR` and `pixel_AUPRO` in the size of the network, and with
        `_own_size` behind their names in the size of the masks, where that is another; `intervals`, 95 %;
        `at_threshold`, as `confusion` gives it; `per_class`, with the AUROC of each anomalous class against all normal
        images; `reasons`.
    """
    labels = split.labels
    metrics: dict[str, Any] = image_metrics(labels, scored)
    intervals: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    if metrics["image_AUROC"] is None:
        named = ("image_AUROC", "image_AUPR", "image_F1Max", "image_AUROC_by_score")
        reasons |= dict.fromkeys(named, why_missing(labels))
    else:
        intervals["image_AUROC"] = list(auroc_interval(labels, scored.pred_score))
    flagged = threshold.is_anomalous(scored.pred_score)
    at_threshold = confusion(labels, flagged)
    of_rates = {name: at_threshold.pop(f"{name}_interval") for name in RATES}
    intervals["at_threshold"] = {name: list(ends) for name, ends in of_rates.items() if ends}
    if split.count:
        undefined = [name for name, value in at_threshold.items() if value is None]
        reasons |= {f"at_threshold.{name}": why_missing(labels, name) for name in undefined}
    pixel_results, pixel_reasons = _pixel_level(split, pixels)
    if of_aupro := PixelMetrics.merged(pixels.values()).aupro_interval():
        intervals["pixel_AUPRO"] = list(of_aupro)
    metrics |= pixel_results
    if own_pixels is not None and own_pixels.images:
        own = own_pixels.result()
        metrics |= {f"{name}_own_size": own[name] for name in PIXEL_METRICS if own[name] is not None}
    reasons |= pixel_reasons
    if split.count:
        metrics["at_threshold"] = at_threshold
        metrics["per_class"] = _per_class(split, scored.pred_score, flagged, pixels)
        without = [name for name, row in metrics["per_class"].items() if row.get("pixel_AUROC", 0) is None]
        reasons |= {f"per_class.{name}": "none of its images has a mask with a defect" for name in without}
    return metrics | {"intervals": intervals, "reasons": reasons}


def _pixel_level(split: LabelledSplit, pixels: dict[str, PixelMetrics]) -> tuple[dict[str, Any], dict[str, str]]:
    """`pixel_AUROC`, `pixel_AUPR`, `pixel_AUPRO`, and why they are None."""
    names = PIXEL_METRICS
    if split.masks is None:
        reason = "the test images have no masks" if split.count else why_missing(split.labels)
        return dict.fromkeys(names), dict.fromkeys(names, reason)
    result = PixelMetrics.merged(pixels.values()).result()
    reasons = dict.fromkeys(names, result["reason"]) if "reason" in result else {}
    found = {name: result[name] for name in (*names, "pixel_AUROC_error")}
    return found | {"pixel_regions": result["n_regions"]}, reasons


def _per_class(
    split: LabelledSplit, scores: np.ndarray, flagged: np.ndarray, pixels: dict[str, PixelMetrics]
) -> dict[str, dict[str, Any]]:
    normal = split.labels == 0
    normal_pixels = [pixels[name] for name in np.unique(split.classes[normal]).tolist() if name in pixels]
    table = {}
    for name in np.unique(split.classes).tolist():
        of_class = split.classes == name
        anomalous = of_class & ~normal
        row: dict[str, Any] = {"images": int(of_class.sum()), "flagged": float(flagged[of_class].mean())}
        if anomalous.any() and normal.any():
            row["image_AUROC"] = float(roc_auc_score((~normal)[anomalous | normal], scores[anomalous | normal]))
        if anomalous.any() and name in pixels:
            result = PixelMetrics.merged([pixels[name], *normal_pixels]).result()
            row |= {key: result[key] for key in ("pixel_AUROC", "pixel_AUPRO")}
        table[name] = row
    return table


def why_missing(labels: np.ndarray, name: str = "") -> str:
    """Why a metric of images with these labels, `(n,)`, cannot be had; `name` of one at the threshold."""
    if not len(labels):
        return "there are no test images"
    if name == "precision":
        return "no image was flagged"
    return "there are no anomalous test images" if not labels.any() else "there are no normal test images"


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


def confusion(labels: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """What a threshold gets right and wrong; anomalous is positive.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        predicted: `(n,)`, bool, what was taken for anomalous.

    Returns:
        Counts `TP`, `FP`, `TN`, `FN`; fractions `TPR`, `FPR`, `precision`, `recall`, `accuracy`; of each fraction, as
        `TPR_interval`, the 95 % interval by Clopper and Pearson. None where there is nothing to divide by.

    Raises:
        ValueError: the shapes differ.
    """
    actual, positive = np.asarray(labels) == 1, np.asarray(predicted, bool)
    if actual.ndim != 1 or actual.shape != positive.shape:
        raise ValueError(f"expected labels and predictions (n,), got {actual.shape} and {positive.shape}")
    tp, fp = int(np.sum(actual & positive)), int(np.sum(~actual & positive))
    fn, tn = int(np.sum(actual & ~positive)), int(np.sum(~actual & ~positive))

    shares = {
        "TPR": (tp, tp + fn),
        "FPR": (fp, fp + tn),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "accuracy": (tp + tn, len(actual)),
    }
    return {
        **{"TP": tp, "FP": fp, "TN": tn, "FN": fn},
        **{name: part / whole if whole else None for name, (part, whole) in shares.items()},
        **{f"{name}_interval": clopper_pearson(*share) if share[1] else None for name, share in shares.items()},
    }
