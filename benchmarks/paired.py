"""How much two ways of training differ, from pairs that have the class and the seed in common."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import permutation_test, t


class Difference(NamedTuple):
    """A mean difference; what fewer than two pairs do not tell is None.

    Attributes:
        mean: of the differences.
        low, high: its 95 % interval by Student's t.
        p: of the exact sign-flip test, two-sided: the share of all signs that make the mean at least as large.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None


def paired_difference(differences: Sequence[float]) -> Difference:
    """The mean of paired differences, at least one, and how sure it is.

    The interval takes pairs for independent. Seeds of one class share its images, so that it tells of training these
    classes again, not of other classes. Of n pairs p is at least 2 / 2^n: 0.004 for nine, 0.25 for three.
    """
    values = np.asarray(differences, float)
    mean = float(values.mean())
    if len(values) < 2:
        return Difference(mean, None, None, None)
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    p = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    return Difference(mean, mean - half, mean + half, float(p))
