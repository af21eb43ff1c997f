"""How far a file is from the run: against the formulas."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from export.verification.agreement import Said, compare, share_of_chance, upper_bound
from piade_tf.evaluation.threshold import fit_threshold

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1], [30, 20])


def said(calibration, validation, changed, test, method="fpr"):
    return Said(calibration, validation, changed, test, fit_threshold(method, 0.05, calibration))


RUN = said(RNG.normal(0, 1, 40), RNG.normal(0, 1, 30), RNG.normal(1.5, 1, 120), RNG.normal(2 * LABELS, 1.0))


def moved(run, noise=0.0, shift=0.0):
    """A file whose scores are the run's with noise, and its threshold with a shift."""
    scores = {
        kind: values + np.random.default_rng(1).normal(0, noise, len(values))
        for kind, values in vars(run).items() if kind != "threshold"
    }  # fmt: skip
    threshold = fit_threshold("fpr", 0.05, scores["calibration"])
    return Said(**scores, threshold=dataclasses.replace(threshold, value=threshold.value + shift))


def test_the_numbers_are_those_of_the_formulas():
    file = moved(RUN, 0.3)
    found = compare(RUN, file, LABELS)
    run_flags = [np.concatenate([RUN.validation, RUN.changed]) > RUN.threshold.value, RUN.test > RUN.threshold.value]
    flags = [np.concatenate([file.validation, file.changed]) > file.threshold.value, file.test > file.threshold.value]
    assert (found["verdicts"], found["verdicts_on_normal"]) == (150, 30)
    assert found["verdicts_differ"] == np.sum(run_flags[0] != flags[0]) > 0
    assert found["verdicts_differ_on_normal"] == np.sum(run_flags[0][:30] != flags[0][:30])
    assert found["test_verdicts_differ"] == np.sum(run_flags[1] != flags[1])
    assert found["rank_correlation"] == pytest.approx(
        spearmanr([*RUN.validation, *RUN.changed], [*file.validation, *file.changed])[0]
    )
    assert found["image_AUROC_loss"] == pytest.approx(
        roc_auc_score(LABELS, RUN.test) - roc_auc_score(LABELS, file.test)
    )
    assert found["at_threshold"]["FP"] == np.sum(flags[1][:30])
    middle = np.median(RUN.calibration)
    errors = [
        abs(b - a) / max(abs(a - middle), RUN.threshold.value - middle)
        for a, b in zip(RUN.compared, file.compared, strict=True)
    ]
    assert found["median_score_error"] == pytest.approx(np.median(errors))
    assert found["score_error"] == pytest.approx(np.quantile(errors, 0.95))


def test_another_threshold_alone_changes_verdicts_but_not_ranks():
    found = compare(RUN, moved(RUN, shift=1.0), LABELS)
    assert found["rank_correlation"] == 1 and found["verdicts_differ"] > 20


def test_a_file_that_scores_all_images_the_same_has_no_ranks():
    same = {kind: np.ones(len(values)) for kind, values in vars(RUN).items() if kind != "threshold"}
    found = compare(RUN, Said(**same, threshold=RUN.threshold), LABELS)
    assert found["rank_correlation"] == 0


@pytest.mark.parametrize("labels", [np.zeros(0, int), np.zeros(50, int)])
def test_without_anomalies_there_is_no_auroc(labels):
    run = dataclasses.replace(RUN, test=RUN.test[: len(labels)])
    found = compare(run, run, labels)
    assert found["image_AUROC"] is None and found["image_AUROC_loss"] is None
    assert (found["test_verdicts_differ"] is None) == (len(labels) == 0)


@pytest.mark.parametrize("count", [20, 100])
def test_chance_is_what_two_independent_thresholds_differ_in(count):
    """Drawn from one population, as often as one likes."""
    rng = np.random.default_rng(2)
    run = said(rng.normal(size=count), rng.normal(size=20_000), rng.normal(1.5, 1, 120), np.zeros(0))
    thresholds = [fit_threshold("fpr", 0.05, rng.normal(size=count)).value for _ in range(400)]
    expected = np.mean(
        [(run.compared > a) != (run.compared > b) for a, b in zip(thresholds, thresholds[1:], strict=False)]
    )
    assert share_of_chance(run, 0) == pytest.approx(expected, rel=0.2)


def test_a_threshold_that_was_given_leaves_nothing_to_chance():
    run = dataclasses.replace(RUN, threshold=fit_threshold("value:1", 0.05, RUN.calibration))
    assert share_of_chance(run, 0) == 0


@pytest.mark.parametrize("correlation", [0.5, 0.95])
def test_the_upper_bound_of_a_correlation_covers_it(correlation):
    rng = np.random.default_rng(3)
    covariance = [[1, correlation], [correlation, 1]]
    true = spearmanr(*rng.multivariate_normal([0, 0], covariance, 100_000).T)[0]
    bounds = [upper_bound(spearmanr(*rng.multivariate_normal([0, 0], covariance, 60).T)[0], 60) for _ in range(500)]
    assert np.mean(np.array(bounds) >= true) >= 0.97
    assert np.median(bounds) < true + 0.25
