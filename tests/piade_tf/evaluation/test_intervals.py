"""The intervals against binomial tails, against their equations, and by how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import binom, norm
from sklearn.metrics import roc_auc_score

from piade_tf.evaluation.intervals import auroc_interval, clopper_pearson, mean_interval

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


def scores_of(rng, n_normal, n_anomalous, auroc, spread=1.0):
    """Scores of N(0, 1) and N(d, spread**2), with the d that gives the AUROC."""
    distance = norm.ppf(auroc) * np.hypot(1, spread)
    return np.concatenate([rng.normal(size=n_normal), distance + spread * rng.normal(size=n_anomalous)])


@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize("n_normal, n_anomalous", [(20, 63), (60, 40)])
def test_the_interval_covers_the_true_auroc_at_least_93_times_in_100(n_normal, n_anomalous, spread):
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], [n_normal, n_anomalous])
    intervals = np.array(
        [auroc_interval(labels, scores_of(rng, n_normal, n_anomalous, 0.975, spread)) for _ in range(1500)]
    )
    covered = np.mean((intervals[:, 0] <= 0.975) & (intervals[:, 1] >= 0.975))
    assert 0.93 <= covered < 1
    assert np.mean(intervals[:, 1] - intervals[:, 0]) < 0.12  # and still says something


@settings(deadline=None, max_examples=60)
@given(rows=labelled_scores, confidence=st.sampled_from([0.5, 0.9, 0.95]))
def test_the_interval_holds_the_auroc_and_has_a_width(rows, confidence):
    labels, scores = np.array(rows).T
    low, high = auroc_interval(labels, scores, confidence)
    auroc = roc_auc_score(labels, scores)
    assert 0 <= low <= auroc <= high <= 1
    assert low < high
    inverted = auroc_interval(labels, -scores, confidence)
    assert inverted == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("n", [1, 20, 5000])
def test_scores_without_a_mistake_still_leave_a_doubt_that_shrinks_with_the_images(n):
    low, high = auroc_interval(np.repeat([0, 1], n), np.repeat([0, 1], n))
    assert high == 1 and low < 1 - 1 / (4 * n)
    assert low > 1 - 10 / n


def test_the_interval_is_newcombes_where_the_kinds_scatter_alike():
    """At 0.75, 10 and 10 images: the roots of his equation, to which DeLong's on these scores adds nothing."""
    labels = np.repeat([0, 1], 10)
    scores = np.concatenate([np.arange(10), np.arange(10) + 3.0])
    auroc = roc_auc_score(labels, scores)
    for end in auroc_interval(labels, scores):
        variance = end * (1 - end) * (1 + 9 * (1 - end) / (2 - end) + 9 * end / (1 + end)) / 100
        assert abs(auroc - end) >= norm.isf(0.025) * np.sqrt(variance) - 1e-9


def test_the_interval_is_delongs_where_the_kinds_scatter_differently():
    """DeLong's variance from its definition over pairs, on the logit scale."""
    labels = np.repeat([0, 1], [60, 40])
    scores = scores_of(np.random.default_rng(3), 60, 40, 0.9, 4.0)
    normal, anomalous = scores[labels == 0], scores[labels == 1]
    wins = (anomalous[:, None] > normal) + 0.5 * (anomalous[:, None] == normal)
    variance = wins.mean(1).var(ddof=1) / 40 + wins.mean(0).var(ddof=1) / 60
    auroc = wins.mean()
    reach = norm.isf(0.025) * np.sqrt(variance) / (auroc * (1 - auroc))
    assert auroc_interval(labels, scores)[0] == pytest.approx(expit(logit(auroc) - reach))


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
        ([0, 1], [1.0, 2.0], {"confidence": 1.0}),
    ],
)
def test_the_interval_refuses_what_has_none(labels, scores, options):
    with pytest.raises(ValueError, match="expected"):
        auroc_interval(np.array(labels), np.array(scores), **options)


# === Interval of a mean of shares ===


def shares(rng, count, kind):
    """Shares of defects that are found: alike, or alike but for one in twenty that is missed."""
    found = rng.beta(40, 1, count)
    return np.where(rng.random(count) < 0.05, 0, found) if kind == "some missed" else found


@pytest.mark.parametrize("kind, true", [("alike", 40 / 41), ("some missed", 0.95 * 40 / 41)])
@pytest.mark.parametrize("n", [10, 63])
def test_the_interval_of_a_mean_covers_it_also_where_few_images_show_a_miss(n, kind, true):
    rng, covered = np.random.default_rng(0), []
    for _ in range(1000):
        values = shares(rng, n, kind)
        low, high = mean_interval(values.mean(), values.var(ddof=1) / n, n)
        covered.append(low <= true <= high)
    assert np.mean(covered) >= 0.93


def test_images_that_all_say_the_same_leave_a_doubt():
    assert mean_interval(1.0, 0.0, 30) == pytest.approx((0.025 ** (1 / 30), 1))
    assert mean_interval(0.0, 0.0, 30) == pytest.approx((0, 1 - 0.025 ** (1 / 30)))
    low, high = mean_interval(0.5, 0.0, 30)
    assert low < 0.5 < high


def test_the_interval_of_yes_and_no_is_that_of_a_proportion_but_for_students_t():
    low, high = mean_interval(0.9, 0.9 * 0.1 / 200, 200)
    assert (low, high) == pytest.approx(clopper_pearson(180, 200), abs=2e-3)


@pytest.mark.parametrize("arguments", [(1.1, 0.0, 5), (0.5, -1.0, 5), (0.5, 0.1, 1), (0.5, 0.1, 5, 1.0)])
def test_a_mean_that_has_no_interval_is_refused(arguments):
    with pytest.raises(ValueError, match="expected"):
        mean_interval(*arguments)
