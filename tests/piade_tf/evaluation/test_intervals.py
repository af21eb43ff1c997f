"""The intervals against binomial tails and against resamples by scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score

from piade_tf.evaluation.intervals import auroc_interval, clopper_pearson

# Few values, so that ties are frequent; both kinds at least once.
labelled_scores = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=30).filter(
    lambda rows: {label for label, _ in rows} == {0, 1}
)


# === Clopper-Pearson ===


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("k, n", [(1, 2), (1, 20), (3, 20), (19, 20), (50, 100), (7, 1000)])
def test_each_end_of_the_interval_leaves_half_of_the_rest_in_a_binomial_tail(k, n, confidence):
    low, high = clopper_pearson(k, n, confidence)
    tail = (1 - confidence) / 2
    assert low < k / n < high
    assert binom.sf(k - 1, n, low) == pytest.approx(tail, rel=1e-6)  # P(at least k)
    assert binom.cdf(k, n, high) == pytest.approx(tail, rel=1e-6)  # P(at most k)


@pytest.mark.parametrize("n", [1, 20, 1000])
def test_the_interval_of_none_and_of_all(n):
    low, high = clopper_pearson(0, n)
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / n)))
    assert clopper_pearson(n, n) == (pytest.approx(1 - high), 1.0)


@pytest.mark.parametrize("k, n, confidence", [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1, 2, -0.1), (1, 2, 1.1)])
def test_refuses_counts_that_are_none(k, n, confidence):
    with pytest.raises(ValueError):
        clopper_pearson(k, n, confidence)


# === Interval of the AUROC ===


def resampled_aurocs(labels, scores, seed, resamples):
    """The AUROC of each resample by scikit-learn, from the same indices."""
    rng = np.random.default_rng(seed)
    normal, anomalous = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    aurocs = []
    for _ in range(resamples):
        parts = [part[rng.integers(0, len(part), len(part))] for part in (normal, anomalous)]
        chosen = np.concatenate(parts)
        aurocs.append(roc_auc_score(labels[chosen], scores[chosen]))
    return aurocs


@settings(deadline=None, max_examples=15)
@given(rows=labelled_scores, seed=st.integers(0, 9), confidence=st.sampled_from([0.5, 0.9, 0.95]))
def test_the_interval_holds_the_middle_of_resampled_aurocs(rows, seed, confidence):
    labels, scores = np.array(rows).T
    aurocs = resampled_aurocs(labels, scores, seed, 30)
    expected = np.percentile(aurocs, [50 - 50 * confidence, 50 + 50 * confidence])
    assert auroc_interval(labels, scores, seed, 30, confidence) == pytest.approx(tuple(expected), abs=1e-12)


def test_the_interval_covers_the_true_auroc_as_often_as_it_says():
    """Scores of N(0, 1) and N(1, 1), whose AUROC is Phi(1 / sqrt 2); 90 % of 400 times, give or take 4 deviations."""
    rng, true = np.random.default_rng(0), norm.cdf(1 / np.sqrt(2))
    labels = np.repeat([0, 1], [80, 60])
    intervals = [auroc_interval(labels, rng.normal(size=140) + labels, i, 200, 0.9) for i in range(400)]
    covered = np.mean([low <= true <= high for low, high in intervals])
    assert abs(covered - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 400)
    assert np.mean([high - low for low, high in intervals]) < 0.2


def test_the_interval_depends_on_the_order_of_scores_alone_and_on_the_seed():
    labels = np.arange(50) % 2
    scores = np.random.default_rng(0).normal(size=50) + labels
    assert auroc_interval(labels, scores) == auroc_interval(labels, np.exp(scores))
    assert auroc_interval(labels, scores) != auroc_interval(labels, scores, seed=1)
    assert auroc_interval(labels, labels) == (1.0, 1.0)


@pytest.mark.parametrize(
    "labels, scores, options",
    [
        ([0, 0], [1.0, 2.0], {}),
        ([1, 1], [1.0, 2.0], {}),
        ([0, 1, 2], [1.0, 2.0, 3.0], {}),
        ([0, 1], [1.0], {}),
        ([[0, 1]], [[1.0, 2.0]], {}),
        ([0, 1], [1.0, np.nan], {}),
        ([0, 1], [1.0, np.inf], {}),
        ([0, 1], [1.0, 2.0], {"resamples": 0}),
        ([0, 1], [1.0, 2.0], {"confidence": 1.0}),
    ],
)
def test_the_interval_refuses_what_has_none(labels, scores, options):
    with pytest.raises(ValueError, match="expected"):
        auroc_interval(np.array(labels), np.array(scores), **options)
