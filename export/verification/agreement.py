"""How far what a file says of images is from what the run says of them."""

import dataclasses
from typing import Any

import numpy as np
from scipy.stats import norm, spearmanr
from sklearn.metrics import roc_auc_score

from export.verification.compared_images import ComparedImages
from piade_tf.evaluation.intervals import auroc_interval
from piade_tf.evaluation.metrics import confusion
from piade_tf.evaluation.threshold import Threshold, fit_threshold, parse_method

DRAWS = 500
FOLLOW_SCORES = ("fpr", "max", "sigma")  # methods that take the threshold from normal scores alone
CONFIDENCE = 0.99


@dataclasses.dataclass(frozen=True)
class Said:
    """What the run, or a file, says of the same images.

    Attributes:
        calibration: scores of normal images that set the threshold, `(n,)`.
        validation: of normal images that set none; with folds, by statistics that they took part in.
        changed: of validation images with synthetic defects.
        test: of the test images; perhaps none.
        threshold: from which score on an image is anomalous.
    """

    calibration: np.ndarray
    validation: np.ndarray
    changed: np.ndarray
    test: np.ndarray
    threshold: Threshold

    @classmethod
    def of(cls, images: ComparedImages, pred_score: np.ndarray, threshold: Threshold) -> "Said":
        """Sorts the scores of all images, `(n,)`, by kind."""
        kinds = ("calibration", "validation", "changed", "test")
        return cls(**{kind: pred_score[getattr(images, kind)] for kind in kinds}, threshold=threshold)

    @property
    def compared(self) -> np.ndarray:
        """The scores that decide whether a file ships: of images that set no threshold and bear no label."""
        return np.concatenate([self.validation, self.changed])


def share_of_chance(run: Said, seed: int) -> float:
    """The share of compared images for which two thresholds of the same method give different verdicts.

    Each threshold is of as many normal images as the run's, drawn at random from calibration and validation images;
    with replacement from the calibration images where those were scored in folds, since then the statistics have the
    validation images too. What another choice of calibration images would change as well is no fault of a file. 0 where
    thresholds do not follow normal scores.
    """
    method = parse_method(run.threshold.method)
    if method.kind not in FOLLOW_SCORES:
        return 0.0
    rng = np.random.default_rng(seed)
    normal, count = np.concatenate([run.calibration, run.validation]), len(run.calibration)
    fpr = run.threshold.wanted_fpr or 0.5  # not looked at without one
    folds = run.threshold.folds
    drawn = (rng.choice(run.calibration if folds else normal, count, replace=bool(folds)) for _ in range(DRAWS))
    name, apart = run.threshold.method, run.threshold.apart
    thresholds = np.array([fit_threshold(name, fpr, scores, apart=apart).value for scores in drawn])
    anomalous = np.mean(run.compared[:, None] > thresholds, axis=1)
    return float(np.mean(2 * anomalous * (1 - anomalous)))


def compare(run: Said, file: Said, labels: np.ndarray) -> dict[str, Any]:
    """The differences; None where they cannot be had.

    Args:
        run, file: what they say.
        labels: of the test images, `(n,)`, 0 normal, 1 anomalous; for the report alone.

    Returns:
        `verdicts`, compared ones, and `verdicts_differ`; of these on images without defects `verdicts_on_normal` and
        `verdicts_differ_on_normal`. `rank_correlation` (Spearman) and `rank_correlation_at_most`, its upper bound;
        `score_error`, see `score_errors`, that 95 % of the images keep, and `median_score_error`.
        On the test images `test_verdicts_differ`, `image_AUROC`, `image_AUROC_interval` (95 %), `image_AUROC_loss` and
        `at_threshold`, as `confusion` gives it.
    """
    differ = run.threshold.is_anomalous(run.compared) != file.threshold.is_anomalous(file.compared)
    errors = score_errors(run, file)
    correlation = rank_correlation(run.compared, file.compared)
    found: dict[str, Any] = {
        "verdicts": len(differ),
        "verdicts_differ": int(differ.sum()),
        "verdicts_on_normal": len(run.validation),
        "verdicts_differ_on_normal": int(differ[: len(run.validation)].sum()),
        "rank_correlation": correlation,
        "rank_correlation_at_most": upper_bound(correlation, len(differ)),
        "rank_correlation_on_normal": rank_correlation(run.validation, file.validation),
        "score_error": float(np.quantile(errors, 0.95)),
        "median_score_error": float(np.median(errors)),
        "test_verdicts_differ": None,
        "image_AUROC": None,
        "image_AUROC_interval": None,
        "image_AUROC_loss": None,
        "at_threshold": None,
    }
    if len(labels):
        flagged = file.threshold.is_anomalous(file.test)
        found["test_verdicts_differ"] = int(np.sum(flagged != run.threshold.is_anomalous(run.test)))
        found["at_threshold"] = confusion(labels, flagged)
    if len(np.unique(labels)) == 2:
        auroc = float(roc_auc_score(labels, file.test))
        found["image_AUROC"] = auroc
        found["image_AUROC_interval"] = list(auroc_interval(labels, file.test))
        found["image_AUROC_loss"] = float(roc_auc_score(labels, run.test)) - auroc
    return found


def score_errors(run: Said, file: Said) -> np.ndarray:
    """How far the file's scores are from the run's, `(n,)`, beside the distance of normal scores from the threshold.

    1: as far as the run's threshold is from the middle normal image; of an image that is farther from that one, as far
    as it is.
    """
    middle = np.median(run.calibration)
    distance = np.maximum(np.abs(run.compared - middle), max(abs(run.threshold.value - middle), 1e-12))
    return np.abs(file.compared - run.compared) / distance


def rank_correlation(run: np.ndarray, file: np.ndarray) -> float:
    """Spearman's; 0 where all scores are the same, which have no ranks."""
    return float(spearmanr(run, file).statistic) if np.ptp(run) and np.ptp(file) else 0.0


def upper_bound(correlation: float, count: int) -> float:
    """What Spearman's correlation is at most, with a confidence of 99 %, where `count` images have the given one.

    Source: Bonett and Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations", Psychometrika 65(1).
    """
    if count < 4 or correlation >= 1:
        return 1.0
    deviation = np.sqrt((1 + correlation**2 / 2) / (count - 3))
    return float(np.tanh(np.arctanh(correlation) + norm.ppf(CONFIDENCE) * deviation))
