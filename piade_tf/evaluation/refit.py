"""A threshold fitted again: from the scores that are known, for other scores of the same images, or set by hand."""

import dataclasses

import numpy as np

from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold, fit_threshold, highest_stands_apart, parse_method

UNUSED_FPR = 0.01  # for methods that ask for no rate
FARTHEST = 100  # standard deviations above all that is known: a slip of the finger


@dataclasses.dataclass(frozen=True)
class Known:
    """Scores that a threshold is chosen from.

    Attributes:
        normal: `(n,)`, of calibration images.
        labels: `(m,)`, of test images, perhaps none; 0 normal, 1 anomalous.
        test: `(m,)`, their scores.
        folds: in which `normal` were scored; 0: they were held out.
    """

    normal: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    folds: int = 0


def refitted(method: str, fpr: float | None, known: Known) -> Threshold:
    """As `fit_threshold`, for a run.

    Raises:
        InputError: as there, or a value below every normal score or above all scores.
    """
    kind, number = parse_method(method)
    if kind == "value":
        assert number is not None
        check_value(number, known)
    return fit_threshold(method, fpr or UNUSED_FPR, known.normal, known.labels, known.test, known.folds)


def check_value(value: float, known: Known) -> None:
    """Raises `InputError` where every normal image would be flagged, or none that is known, however anomalous."""
    lowest, highest = float(known.normal.min()), float(max([*known.normal, *known.test]))
    if value < lowest:
        raise InputError(
            f"a threshold of {value:g} is below every score of the calibration images, {lowest:.4g} to "
            f"{known.normal.max():.4g}: every image would be flagged; choose a higher one"
        )
    farthest = highest + FARTHEST * max(float(known.normal.std()), 1e-6)
    if value > (highest if np.any(known.labels == 1) else farthest):
        raise InputError(
            f"a threshold of {value:g} is above all scores that are known, up to {highest:.4g}: no image would be "
            "flagged; choose a lower one"
        )


def set_by_hand(value: float, fitted: Threshold, labels: np.ndarray, test: np.ndarray) -> Threshold:
    """That value in place of a fitted threshold; it promises nothing. Raises `InputError` as `check_value`."""
    check_value(value, Known(np.array(fitted.quantiles), labels, test))
    return dataclasses.replace(
        fitted, method=f"value:{value!r}", value=value, promised_fpr=None, wanted_fpr=None, optimistic=False
    )


def for_other_scores(of_run: Threshold, run_normal: np.ndarray, known: Known) -> Threshold:
    """The run's threshold for a file whose scores differ a little: fitted the same way to the file's own.

    A value set by hand is moved to the same quantile of the file's calibration scores; see `moved`. The method keeps
    the number that was given, which an adapted run has moved already: its own value counts.

    Args:
        of_run: of the run.
        run_normal: `(n,)`, scores of the calibration images by the run.
        known: scores by the file; of the same calibration images.
    """
    rate = of_run.wanted_fpr or UNUSED_FPR
    fitted = fit_threshold(of_run.method, rate, known.normal, known.labels, known.test, of_run.folds, of_run.apart)
    if parse_method(of_run.method).kind != "value":
        return fitted
    return dataclasses.replace(fitted, value=moved(of_run.value, run_normal, known.normal))


def for_maps(of_scores: Threshold, normal: np.ndarray, map_max: np.ndarray, apart: int | None = None) -> Threshold:
    """The threshold of a place in an anomaly map that follows from the scores': fitted the same way to other numbers.

    Where that does not look at normal scores alone, set by hand or by labels, it is at the same quantile; see `moved`.
    A map that stands apart, as in `fit_threshold`, has no say.

    Args:
        of_scores: the threshold of the scores.
        normal: `(n,)`, scores of the calibration images.
        map_max: `(n,)`, the largest value of the maps of the same images.
        apart: as for `fit_threshold`.
    """
    method, rate = of_scores.method, of_scores.wanted_fpr or UNUSED_FPR
    if parse_method(method).kind in ("value", "f1"):
        scores, maps = np.sort(normal), np.sort(map_max)
        kept = slice(-1 if highest_stands_apart(maps) else None)
        method = f"value:{moved(of_scores.value, scores[kept], maps[kept])!r}"
    return fit_threshold(method, rate, map_max, folds=of_scores.folds, apart=apart)


def moved(value: float, scores: np.ndarray, others: np.ndarray) -> float:
    """Where `value` among `scores` would be among `others`, other scores of the same normal images.

    Between the smallest and the largest score by their order, linearly between neighbours. Beyond them there is no
    quantile: it is as many spreads (from the smallest score to the largest) away.

    Args:
        value: on the scale of `scores`.
        scores, others: `(n,)`.
    """
    xs, ys = np.sort(np.asarray(scores, "float64")), np.sort(np.asarray(others, "float64"))
    if xs[0] <= value <= xs[-1]:
        return float(np.interp(value, xs, ys))
    spread = (ys[-1] - ys[0]) / (xs[-1] - xs[0]) if xs[-1] > xs[0] else 1.0
    edge = 0 if value < xs[0] else -1
    return float(ys[edge] + (value - xs[edge]) * spread)
