"""The threshold of an adaptation: the run's method, on the images that there are now."""

import dataclasses

import numpy as np
import pytest

from piade_tf.data.known_images import KnownImage
from piade_tf.evaluation.adaptation import Before
from piade_tf.evaluation.threshold import explain, fit_threshold


def known(scores, added=""):
    return [KnownImage(str(i), "calibration", str(i), added, score, score) for i, score in enumerate(scores)]


def before(scores, method="fpr", folds=0):
    threshold = fit_threshold(method, 0.01, scores, folds=folds)
    return Before(None, None, None, threshold, known(scores), {})


def with_more(run, scores, folds=0):
    return run.threshold_for([*run.known, *known(scores, "/more")], folds)


def test_an_image_that_stood_apart_among_few_is_one_of_many_now():
    run = before([*np.linspace(1, 2, 30), 9.0], folds=10)
    assert run.threshold.apart == 1
    now = with_more(run, np.linspace(1, 2, 220), 10)
    assert now.promised_fpr <= 0.01 and "more" not in explain(now)
    assert now == fit_threshold(
        "fpr", 0.01, [one.pred_score for one in run.known] + [*np.linspace(1, 2, 220)], folds=10
    )


def test_a_single_odd_image_does_not_set_the_threshold_where_the_run_had_too_few_to_tell():
    now = with_more(before(np.linspace(1, 2, 7), folds=7), [*np.linspace(1, 2, 43), 9.0], 10)
    assert (now.value, now.apart, now.folds) == (2, 1, 10)


@pytest.mark.parametrize("folds", [0, 10])
def test_a_number_set_by_hand_keeps_its_place_among_the_images_of_before(folds):
    run = before([1.0, 2.0, 3.0], "value:2.5", min(folds, 3))
    moved = [dataclasses.replace(one, pred_score=10 * one.pred_score) for one in run.known]
    now = run.threshold_for([*moved, *known([99.0], "/more")], folds)
    assert (now.value, now.n, now.folds, now.promised_fpr) == (25, 3, folds, None)
