"""How far off a share, an AUROC or a mean of shares may be, given how few images it was measured on.

Every interval of a finite number of images has a width, also where nothing went wrong. What they cover is simulated by
`benchmarks/interval_coverage.py`.
"""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import beta, binomtest, norm, rankdata, t

TRIALS_AN_IMAGE = 2  # see `mean_interval`
TINY = 1e-12


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper and Pearson 1934): `k` of `n` trials succeeded, 0 <= k <= n, n >= 1.

    Raises:
        ValueError: `k` or `n` is out of range, or `confidence` lies outside of 0 to 1.
    """
    interval = binomtest(k, n).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def auroc_interval(labels: np.ndarray, scores: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """An interval of the AUROC: from the lower of the low ends of two methods to the higher of their high ends.

    Newcombe's takes the variance from the AUROC alone, as if both kinds of images scattered alike; it has a width for
    scores without any mistake. DeLong's on the logit scale takes it from the scores, sees that the kinds scatter
    differently, and collapses near 1. Each is too narrow where the other is not. The interval tells of the images
    alone, not of training again.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous, both kinds at least once.
        scores: `(n,)`, finite.
        confidence: in (0, 1).

    Raises:
        ValueError: an argument is not as above.

    Source: Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic", part 2,
    2006, method 5; DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988; on the logit scale as in Pepe, "The statistical evaluation of medical
    tests", 2003.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.shape != scores.shape or labels.ndim != 1 or set(np.unique(labels)) != {0, 1}:
        raise ValueError(f"expected labels of both kinds for scores (n,), got {labels.shape} and {scores.shape}")
    if not (np.isfinite(scores).all() and 0 < confidence < 1):
        raise ValueError("expected finite scores and 0 < confidence < 1")
    normal, anomalous = scores[labels == 0], scores[labels == 1]
    beaten, lost = _placements(normal, anomalous)
    auroc, z = float(beaten.mean()), float(norm.isf((1 - confidence) / 2))
    low, high = _newcombe(auroc, len(normal), len(anomalous), z)
    if 0 < auroc < 1 and min(len(normal), len(anomalous)) > 1:
        deviation = math.sqrt(beaten.var(ddof=1) / len(beaten) + lost.var(ddof=1) / len(lost))
        reach = z * deviation / (auroc * (1 - auroc))
        low, high = min(low, expit(logit(auroc) - reach)), max(high, expit(logit(auroc) + reach))
    return float(low), float(high)


def _placements(normal: np.ndarray, anomalous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each anomalous image the share of normal ones below, of each normal one that of anomalous ones above."""
    ranks = rankdata(np.concatenate([normal, anomalous]))
    below = (ranks[len(normal) :] - rankdata(anomalous)) / len(normal)
    above = 1 - (ranks[: len(normal)] - rankdata(normal)) / len(anomalous)
    return below, above


def _newcombe(auroc: float, n_normal: int, n_anomalous: int, z: float) -> tuple[float, float]:
    """The values from which `auroc` is `z` deviations away; the deviation is that of the value, as in Wilson's."""
    pairs, others = n_normal * n_anomalous, (n_normal + n_anomalous) / 2 - 1

    def excess(value: float) -> float:
        variance = value * (1 - value) * (1 + others * ((1 - value) / (2 - value) + value / (1 + value))) / pairs
        return (auroc - value) ** 2 - z * z * variance

    # At 0 and 1 the deviation is 0, so that the end of perfect scores lies a little inside.
    low = brentq(excess, 0, min(auroc, 1 - TINY), xtol=TINY) if auroc > 0 else 0.0
    high = brentq(excess, max(auroc, TINY), 1, xtol=TINY) if auroc < 1 else 1.0
    return low, high


def mean_interval(mean: float, variance: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """An interval of a mean over `n` images of values from 0 to 1.

    The mean is taken for a proportion of as many trials as would give its variance, at most two an image, and Clopper
    and Pearson's interval is computed for these. Without the limit, or with a bootstrap, images that are alike would
    give an interval of no width: one defect in twenty may be missed and none of ten images show it.

    Args:
        mean: 0 to 1.
        variance: estimated, of the mean, at least 0.
        n: at least 2.
        confidence: in (0, 1).

    Raises:
        ValueError: an argument is not as above.

    Source: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", 1998; the limit is that of this project.
    """
    if not (0 <= mean <= 1 and variance >= 0 and n >= 2 and 0 < confidence < 1):
        raise ValueError(f"expected a mean in [0, 1] of at least 2 images, got {mean}, {variance} and {n}")
    tail, trials = (1 - confidence) / 2, TRIALS_AN_IMAGE * n
    if variance > 0:
        trials = min(trials, mean * (1 - mean) / variance * (norm.isf(tail) / t.isf(tail, n - 1)) ** 2)
    if not 0 < mean < 1 or trials <= 0:
        trials = n
    low = beta.ppf(tail, trials * mean, trials * (1 - mean) + 1) if mean > 0 else 0.0
    high = beta.isf(tail, trials * mean + 1, trials * (1 - mean)) if mean < 1 else 1.0
    return float(low), float(high)
