"""How far off a share or an AUROC may be, given how few images it was measured on."""

import numpy as np
from scipy.stats import binomtest


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper and Pearson 1934): `k` of `n` trials succeeded, 0 <= k <= n, n >= 1.

    Raises:
        ValueError: `k` or `n` is out of range, or `confidence` lies outside of 0 to 1.
    """
    interval = binomtest(k, n).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


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
