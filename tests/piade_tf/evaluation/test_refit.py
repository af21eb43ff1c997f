"""A threshold fitted again, moved to other scores, or refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from piade_tf.errors import InputError
from piade_tf.evaluation.refit import Known, check_value, for_maps, for_other_scores, moved, refitted, set_by_hand
from piade_tf.evaluation.threshold import explain, fit_threshold, promise

NONE = np.zeros(0)
SCORES = np.arange(20.0)


def test_a_value_keeps_its_quantile_among_other_scores():
    others = 100 + 3 * SCORES
    assert moved(7.0, SCORES, others) == 121
    assert moved(7.5, SCORES, others[::-1]) == 122.5


def test_beyond_all_scores_it_is_as_many_spreads_away():
    assert moved(19 + 19.0, SCORES, 10 * SCORES) == 190 + 190
    assert moved(-1.0, SCORES, 10 * SCORES) == -10


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(-1e6, 1e6))
def test_among_the_same_scores_it_stays_where_it_is(scores, value):
    assert moved(value, np.array(scores), np.array(scores)) == pytest.approx(value, rel=1e-6, abs=1e-6)


def test_a_moved_threshold_says_from_where():
    of_run = fit_threshold("value:7", 0.01, SCORES)
    of_file = for_other_scores(of_run, SCORES, Known(100 + 3 * SCORES, NONE, NONE))
    assert (of_file.value, of_file.method, of_file.promised_fpr) == (121, "value:7", None)
    assert "by hand as 7" in explain(of_file) and "no false-alarm rate is promised" in explain(of_file)


@pytest.mark.parametrize("value", [7.5, 19 + 19.0])
def test_what_was_moved_once_is_moved_on_from_there(value):
    def moved_on(threshold, normal, found):
        return for_other_scores(threshold, normal, Known(found, NONE, NONE))

    normal = 100 + 3 * SCORES
    adapted = moved_on(fit_threshold(f"value:{value}", 0.01, SCORES), SCORES, normal)
    assert moved_on(adapted, normal, normal) == adapted
    assert moved_on(adapted, normal, 99 + 3.1 * SCORES).value == pytest.approx(99 + 3.1 * value)


def test_a_rate_is_fitted_to_the_files_own_scores():
    of_run = fit_threshold("fpr", 0.2, SCORES)
    others = Known(100 + 3 * SCORES, NONE, NONE)
    assert for_other_scores(of_run, SCORES, others) == fit_threshold("fpr", 0.2, others.normal)


@pytest.mark.parametrize("value, named", [(-0.1, "below every score"), (30.1, "above all scores")])
def test_a_value_with_which_all_or_none_would_be_flagged_is_refused(value, named):
    known = Known(SCORES, np.array([0, 1]), np.array([3.0, 30.0]))
    with pytest.raises(InputError, match=named):
        refitted(f"value:{value}", None, known)


def test_without_known_anomalies_a_value_may_lie_above_all_but_not_anywhere():
    known = Known(SCORES, NONE, NONE)
    check_value(40.0, known)
    with pytest.raises(InputError, match="above all scores"):
        check_value(1e6, known)


@pytest.mark.parametrize("method, folds", [("fpr", 0), ("fpr", 10), ("max", 0), ("sigma:2", 10)])
def test_the_threshold_of_maps_is_fitted_as_that_of_the_scores_is(method, folds):
    rng = np.random.default_rng(0)
    scores, maps = rng.normal(size=50), rng.gamma(2, size=50)
    of_maps = for_maps(fit_threshold(method, 0.1, scores, folds=folds), scores, maps)
    assert of_maps == fit_threshold(method, 0.1, maps, folds=folds)


@pytest.mark.parametrize("value", [0.3, 1.2, 4.0])
def test_where_a_person_sets_the_threshold_that_of_maps_keeps_its_place(value):
    scores = np.random.default_rng(0).normal(size=101)
    of_maps = for_maps(fit_threshold(f"value:{value}", 0.1, scores), scores, 2 * scores + 1)
    assert of_maps.value == pytest.approx(2 * value + 1) and of_maps.promised_fpr is None


def test_an_odd_map_does_not_move_that_of_the_others():
    scores = np.arange(30.0)
    odd = np.append(2 * scores[:-1], 1e3)
    assert for_maps(fit_threshold("value:28", 0.1, scores), scores, odd).value == 56


def test_set_by_hand_for_once_keeps_the_quantiles_and_promises_nothing():
    fitted = fit_threshold("fpr", 0.2, SCORES)
    by_hand = set_by_hand(4.0, fitted, NONE, NONE)
    assert by_hand.quantiles == fitted.quantiles and by_hand.value == 4.0
    assert promise(by_hand) == "set by hand, no false-alarm rate is promised"
    with pytest.raises(InputError, match="above all scores that are known, up to 30"):
        set_by_hand(31.0, fitted, np.array([0, 1]), np.array([3.0, 30.0]))
