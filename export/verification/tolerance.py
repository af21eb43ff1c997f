"""How far a file is from the Keras model, and whether that is too far."""

import dataclasses
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from export.formats import Tolerance
from export.verification.measure import Measured
from piade_tf.evaluation.intervals import auroc_interval
from piade_tf.evaluation.metrics import confusion
from piade_tf.evaluation.threshold import Threshold


@dataclasses.dataclass(frozen=True)
class Reference:
    """What the Keras model says of the images that files are compared on.

    Attributes:
        labels: `(n,)`, 0 normal, 1 anomalous.
        pred_score: `(n,)`.
        instantiation_vectors: `(n, num_vectors, dim)`.
        on_test: whether these are the test images; else the calibration images, all normal.
    """

    labels: np.ndarray
    pred_score: np.ndarray
    instantiation_vectors: np.ndarray
    on_test: bool

    @property
    def both_kinds(self) -> bool:
        """Whether there are normal and anomalous images."""
        return len(np.unique(self.labels)) == 2


def compare(reference: Reference, measured: Measured, threshold: Threshold, seed: int) -> dict[str, Any]:
    """The differences; None where they cannot be had.

    Args:
        reference: of the Keras model.
        measured: of the file, on the same images.
        threshold: of the file.
        seed: of the bootstrap.

    Returns:
        `image_AUROC`, `image_AUROC_interval` (95 %), `image_AUROC_loss`; `rank_correlation` (Spearman);
        `max_score_error` and `mean_score_error`, relative to the larger of 1 and the score; `vector_agreement`, the
        share of images for which the same instantiation vector is decoded; `at_threshold`, as `confusion` gives it.
    """
    error = np.abs(measured.pred_score - reference.pred_score) / np.maximum(1, np.abs(reference.pred_score))
    found: dict[str, Any] = {
        "image_AUROC": None,
        "image_AUROC_interval": None,
        "image_AUROC_loss": None,
        "rank_correlation": _rank_correlation(reference.pred_score, measured.pred_score),
        "max_score_error": float(error.max()),
        "mean_score_error": float(error.mean()),
        "vector_agreement": float(np.mean(_decoded(reference, measured.latent) == _longest(reference))),
        "at_threshold": confusion(reference.labels, threshold.is_anomalous(measured.pred_score)),
    }
    if reference.both_kinds:
        auroc = float(roc_auc_score(reference.labels, measured.pred_score))
        found["image_AUROC"] = auroc
        found["image_AUROC_interval"] = list(auroc_interval(reference.labels, measured.pred_score, seed))
        found["image_AUROC_loss"] = float(roc_auc_score(reference.labels, reference.pred_score)) - auroc
    return found


def _rank_correlation(expected: np.ndarray, found: np.ndarray) -> float:
    """Spearman's; 0 where all scores are the same, which have no ranks."""
    return float(spearmanr(expected, found).statistic) if np.ptp(expected) and np.ptp(found) else 0.0


def _longest(reference: Reference) -> np.ndarray:
    return np.linalg.norm(reference.instantiation_vectors, axis=-1).argmax(axis=-1)


def _decoded(reference: Reference, latent: np.ndarray) -> np.ndarray:
    """Which of Keras' vectors the file's `latent` is nearest to."""
    return np.linalg.norm(reference.instantiation_vectors - latent[:, None], axis=-1).argmin(axis=-1)


def problems(
    tolerance: Tolerance,
    comparison: dict[str, Any],
    description: dict[str, Any],
    auroc_loss: float | None,
    decoded_counts: bool,
) -> list[str]:
    """Why a file must not ship, a sentence each; empty if it may.

    Args:
        tolerance: of its format.
        comparison: as `compare` gives it, with `size_ratio` and `float_bytes` where there are any.
        description: as `describe_file` gives it.
        auroc_loss: takes the place of the format's own, if not None.
        decoded_counts: whether the score depends on which instantiation vector is decoded.
    """
    found = []
    foreign = [name for name in description.get("operators", {}) if name.startswith(("CUSTOM", "FLEX"))]
    if foreign:
        found.append(f"has operators that no phone has: {', '.join(foreign)}")
    floats = [name for name in description.get("tensors", {}) if name.startswith(("float", "complex"))]
    if tolerance.integers_only and floats:
        found.append(f"has tensors of floats: {', '.join(floats)}")
    loss, most = comparison["image_AUROC_loss"], tolerance.auroc_loss if auroc_loss is None else auroc_loss
    if loss is not None and most is not None and loss > most:
        found.append(f"loses {loss:.4f} of image AUROC, more than {most:g}")
    if tolerance.score_error is not None and comparison["max_score_error"] > tolerance.score_error:
        found.append(f"has a score error of {comparison['max_score_error']:.2g}, more than {tolerance.score_error:g}")
    for name, least in (
        ("rank_correlation", tolerance.rank_correlation),
        ("vector_agreement", tolerance.vector_agreement),
    ):
        if (name == "rank_correlation" and loss is not None) or (name == "vector_agreement" and not decoded_counts):
            continue
        if least is not None and comparison[name] < least:
            found.append(f"has a {name.replace('_', ' ')} of {comparison[name]:.4f}, less than {least:g}")
    ratio = comparison.get("size_ratio")
    large = comparison.get("float_bytes", 0) >= 2**20
    if large and ratio is not None and tolerance.size_ratio is not None and ratio > tolerance.size_ratio:
        found.append(f"has {ratio:.3f} of the size of float32, more than {tolerance.size_ratio:g}")
    return found
