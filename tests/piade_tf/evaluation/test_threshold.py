"""The threshold against brute force in fractions, its promise by simulation, and its file."""

import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import percentileofscore
from sklearn.metrics import f1_score

from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import (
    Method,
    Threshold,
    explain,
    fit_threshold,
    images_needed,
    on_other_images,
    parse_method,
)

# Rates as one writes them, with the fraction that is meant.
rates = st.tuples(st.integers(1, 999), st.sampled_from([1000, 10_000])).map(lambda pair: Fraction(*pair))
# Few values, so that ties are frequent.
tied_scores = st.lists(st.integers(-5, 5), min_size=1, max_size=40)
labelled_scores = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=30).filter(
    lambda rows: {label for label, _ in rows} == {0, 1}
)


def refuses(message, function, *arguments):
    with pytest.raises(InputError, match=message) as excinfo:
        function(*arguments)
    assert "\n" not in str(excinfo.value)


# === Split conformal ===


def conformal_rank(count, rate):
    """The smallest rank at which a fraction `rate` of `count + 1` exchangeable scores, at most, lies above."""
    return next((rank for rank in range(1, count + 1) if Fraction(count + 1 - rank, count + 1) <= rate), count)


@settings(deadline=None, max_examples=150)
@given(scores=tied_scores, rate=rates)
def test_the_conformal_threshold_is_the_smallest_score_that_keeps_the_promise(scores, rate):
    threshold = fit_threshold("fpr", float(rate), scores, apart=0)
    rank = conformal_rank(len(scores), rate)
    assert threshold.value == sorted(scores)[rank - 1]
    assert threshold.promised_fpr == float(Fraction(len(scores) + 1 - rank, len(scores) + 1))
    assert (threshold.n, threshold.wanted_fpr, threshold.optimistic) == (len(scores), float(rate), False)


ODD = [*np.arange(30.0), 100.0]  # the highest is 71 above the next, which is 14 above the median


def test_one_odd_photograph_among_few_does_not_set_the_threshold():
    threshold = fit_threshold("fpr", 0.01, ODD)
    assert (threshold.value, threshold.promised_fpr, threshold.apart) == (29.0, 2 / 32, 1)
    assert "stands apart" in explain(threshold) and "6.3 %" in explain(threshold)
    assert fit_threshold("fpr", 0.01, ODD, apart=0).value == 100.0
    assert fit_threshold("max", 0.01, ODD).value == 100.0


@pytest.mark.parametrize("highest, apart", [(43.0, 0), (44.0, 1)])  # the next is 29, the median 15
def test_it_stands_apart_where_it_is_further_from_the_next_than_that_from_the_median(highest, apart):
    assert fit_threshold("fpr", 0.01, [*np.arange(30.0), highest]).apart == apart


@pytest.mark.parametrize("scores", [[*np.arange(18.0), 100.0], [1.0] * 30])
def test_among_very_few_or_equal_ones_every_score_counts(scores):
    threshold = fit_threshold("fpr", 0.01, scores)
    assert (threshold.value, threshold.apart) == (max(scores), 0)


@pytest.mark.parametrize("count, value, missing", [(99, 97.0, "100 more"), (198, 196.0, "1 more"), (199, 197.0, None)])
def test_one_odd_photograph_sets_no_threshold_that_could_be_promised_with_it(count, value, missing):
    threshold = fit_threshold("fpr", 0.01, [*np.arange(count - 1.0), 1e4])
    assert threshold.value == value
    assert threshold.promised_fpr == 2 / (count + 1)
    assert (missing or "") in explain(threshold) and ("more" in explain(threshold)) == bool(missing)


@settings(deadline=None, max_examples=150)
@given(
    scores=st.lists(st.integers(0, 50), min_size=1, max_size=60),
    odd=st.integers(0, 10**4),
    rates=st.tuples(rates, rates),
)
def test_a_higher_rate_never_gives_a_higher_threshold(scores, odd, rates):
    lower, higher = (fit_threshold("fpr", float(rate), [*scores, odd]).value for rate in sorted(rates))
    assert higher <= lower


def test_the_promise_holds_on_average_where_the_highest_may_stand_apart():
    rng = np.random.default_rng(0)
    flagged = []
    for _ in range(2000):
        *normal, new = rng.standard_t(2, 31)
        threshold = fit_threshold("fpr", 0.01, normal)
        flagged.append((new > threshold.value, threshold.promised_fpr))
    rate, promised = np.mean(flagged, axis=0)
    assert 1 / 31 < promised < 2 / 31 and rate <= promised + 3 * np.sqrt(promised / 2000)


@pytest.mark.parametrize("percent", range(1, 100))
def test_a_rate_means_the_decimal_it_is_written_as(percent):
    # (n + 1)(1 - rate) is a whole number here; in floats it often comes out a little higher, one rank too far.
    threshold = fit_threshold("fpr", float(f"0.{percent:02d}"), np.arange(1.0, 100.0))
    assert threshold.value == 100 - percent
    assert threshold.promised_fpr == percent / 100


@settings(deadline=None, max_examples=60)
@given(rates)
def test_images_needed_is_the_fewest_that_keep_the_promise(rate):
    needed = images_needed(float(rate))
    assert Fraction(1, needed + 1) <= rate
    assert Fraction(1, needed) > rate


@pytest.mark.parametrize(
    "fpr, needed", [(0.01, 99), (0.05, 19), (0.1, 9), (0.001, 999), (0.5, 1), (0.9, 1), (0.03, 33)]
)
def test_images_needed_for_rates_in_use(fpr, needed):
    assert images_needed(fpr) == needed
    assert fit_threshold("fpr", fpr, np.arange(needed)).promised_fpr <= fpr
    if needed > 1:
        assert fit_threshold("fpr", fpr, np.arange(needed - 1)).promised_fpr > fpr


def test_too_few_images_give_the_largest_score_and_its_promise():
    few, largest = fit_threshold("fpr", 0.01, np.arange(20.0)), fit_threshold("max", 0.01, np.arange(20.0))
    assert (few.value, few.promised_fpr, few.wanted_fpr) == (19.0, 1 / 21, 0.01)
    assert (largest.value, largest.promised_fpr, largest.wanted_fpr) == (19.0, 1 / 21, None)


@pytest.mark.parametrize("fpr", [0.01, 0.5, 0.99])
def test_one_image_promises_one_half(fpr):
    threshold = fit_threshold("fpr", fpr, [3.0])
    assert (threshold.value, threshold.promised_fpr, threshold.n) == (3.0, 0.5, 1)
    assert set(threshold.quantiles) == {3.0}


@pytest.mark.parametrize("count, fpr", [(20, 0.05), (37, 0.1), (99, 0.01), (150, 0.01), (20, 0.01), (1, 0.5)])
def test_the_promise_holds_on_average_and_one_rank_lower_would_break_it(count, fpr):
    """Over many draws of calibration and test images; the bound allows four standard errors of the mean."""
    rng = np.random.default_rng(0)
    realised, one_lower = [], []
    for _ in range(2000):
        calibration, test = rng.standard_gamma(2, count), rng.standard_gamma(2, 200)
        threshold = fit_threshold("fpr", fpr, calibration, apart=0)
        realised.append(threshold.is_anomalous(test).mean())
        lower = calibration[calibration < threshold.value].max(initial=-np.inf)
        one_lower.append((test > lower).mean())
    promise = threshold.promised_fpr
    allowed = 4 * np.std(realised) / math.sqrt(len(realised))
    assert abs(np.mean(realised) - promise) <= allowed  # scores without ties reach the bound itself
    assert allowed < promise / 5
    assert np.mean(one_lower) > max(promise, fpr if count >= images_needed(fpr) else 0) + allowed


def test_the_promise_holds_for_scores_with_ties():
    rng = np.random.default_rng(0)
    realised = []
    for _ in range(1000):
        calibration, test = rng.integers(0, 5, 30), rng.integers(0, 5, 200)
        realised.append(fit_threshold("fpr", 0.3, calibration).is_anomalous(test).mean())
    assert 0.1 < np.mean(realised) <= 0.3


# === The other methods ===


@settings(deadline=None, max_examples=40)
@given(scores=tied_scores, sigmas=st.sampled_from(["0", "1", "2.5", "3"]))
def test_sigma_is_the_mean_plus_standard_deviations(scores, sigmas):
    mean = sum(scores) / len(scores)
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
    threshold = fit_threshold(f"sigma:{sigmas}", 0.01, scores)
    assert threshold.value == pytest.approx(mean + float(sigmas) * deviation)
    assert (threshold.promised_fpr, threshold.wanted_fpr, threshold.optimistic) == (None, None, False)


@pytest.mark.parametrize("text, value", [("value:1.5", 1.5), ("value:-2", -2.0), ("value:1e-3", 0.001)])
def test_a_given_value_is_the_threshold(text, value):
    threshold = fit_threshold(text, 0.01, [0.0, 10.0])
    assert (threshold.value, threshold.promised_fpr, threshold.wanted_fpr) == (value, None, None)


@settings(deadline=None, max_examples=100)
@given(labelled_scores)
def test_f1_is_the_best_of_all_thresholds_and_the_highest_of_the_best(rows):
    labels, scores = np.array(rows).T
    threshold = fit_threshold("f1", 0.01, scores[labels == 0], labels, scores.astype("float32"))
    candidates = {value: f1_score(labels, scores > value, zero_division=0.0) for value in range(-1, 7)}
    reached = f1_score(labels, threshold.is_anomalous(scores), zero_division=0.0)
    assert reached == pytest.approx(max(candidates.values()))
    fewest = min((scores > value).sum() for value, f1 in candidates.items() if f1 == pytest.approx(reached))
    assert threshold.is_anomalous(scores).sum() == fewest
    assert (threshold.promised_fpr, threshold.optimistic, threshold.n) == (None, True, np.sum(labels == 0))


@pytest.mark.parametrize("method", ["fpr", "max", "sigma:1", "value:2"])
def test_only_scores_above_the_threshold_are_anomalous(method):
    threshold = fit_threshold(method, 0.5, [1.0, 2.0, 3.0])
    around = [np.nextafter(threshold.value, -np.inf), threshold.value, np.nextafter(threshold.value, np.inf)]
    assert threshold.is_anomalous(around).tolist() == [False, False, True]
    assert threshold.is_anomalous(np.full((2, 3), around[2])).shape == (2, 3)


def test_methods_are_read_into_kind_and_number():
    texts = ["fpr", "max", "f1", "sigma:3", "value:-0.5"]
    expected = [("fpr", None), ("max", None), ("f1", None), ("sigma", 3.0), ("value", -0.5)]
    assert [parse_method(text) for text in texts] == [Method(*pair) for pair in expected]


@pytest.mark.parametrize(
    "text",
    ["", "FPR", "fpr:", "fpr:0.1", "f1:", "sigma", "sigma:", "sigma:x", "sigma:-1", "sigma:101", "sigma:nan"]
    + ["value", "value:", "value:inf", "value:nan", "median", "max:1", "value:1\n2"],
)
def test_refuses_a_method_that_is_none(text):
    refuses("--threshold must be fpr, max, f1, sigma:K .* or value:X, got .*; choose", parse_method, text)
    refuses("--threshold must be", fit_threshold, text, 0.01, [1.0])


@pytest.mark.parametrize("method", ["fpr", "max", "sigma:3"])
@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1, 1.5, math.nan, math.inf])
def test_refuses_a_rate_that_is_none(method, fpr):
    refuses("must lie between 0 and 1, got", fit_threshold, method, fpr, [1.0])
    refuses("must lie between 0 and 1, got", images_needed, fpr)


@pytest.mark.parametrize("method", ["fpr", "max", "sigma:3", "value:1", "f1"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_refuses_scores_that_are_not_finite(method, value):
    refuses("normal scores must be finite, got", fit_threshold, method, 0.1, [1.0, value], [0, 1], [1.0, 2.0])
    refuses("labelled scores must be finite, got", fit_threshold, "f1", 0.1, [1.0], [0, 1], [1.0, value])


@pytest.mark.parametrize("method", ["fpr", "max", "sigma:3", "value:1", "f1"])
@pytest.mark.parametrize("scores", [[], [[1.0]], 1.0])
def test_refuses_what_is_no_list_of_scores(method, scores):
    refuses("needs a list of normal scores, got shape .* give", fit_threshold, method, 0.1, scores, [0, 1], [1.0, 2.0])


@pytest.mark.parametrize(
    "labels, scores, message",
    [
        (None, None, "needs labelled images, got none"),
        ([0, 1], None, "needs labelled images, got none"),
        ([0, 0], [1.0, 2.0], "needs normal and anomalous images, got 2 and 0"),
        ([1, 1, 1], [1.0, 2.0, 3.0], "needs normal and anomalous images, got 0 and 3"),
        ([0, 1, 1], [1.0, 2.0], "for each of 2 scores, got 3 labels"),
        ([0, 2], [1.0, 2.0], r"a label, 0 or 1, .* with values \[0, 2\]"),
        ([], [], "needs a list of labelled scores"),
    ],
)
def test_f1_refuses_labels_without_both_kinds(labels, scores, message):
    refuses(message, fit_threshold, "f1", 0.01, [1.0], labels, scores)


# === Percentile ===


def test_the_quantiles_are_those_of_the_normal_scores():
    scores = np.random.default_rng(0).permutation(np.arange(201.0))
    np.testing.assert_allclose(fit_threshold("fpr", 0.1, scores).quantiles, np.arange(0.0, 201.0, 2.0), rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(scores=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30))
def test_the_percentile_never_falls_and_lies_in_0_to_100(scores):
    threshold = fit_threshold("max", 0.1, scores)
    assert all(before <= after for before, after in zip(threshold.quantiles, threshold.quantiles[1:], strict=False))
    asked = np.sort(np.concatenate([scores, np.linspace(-1.1e6, 1.1e6, 50), threshold.quantiles]))
    percentiles = threshold.percentile(asked)
    assert np.diff(percentiles).min() > -1e-9
    assert (percentiles[0], percentiles[-1]) == (0.0, 100.0)


def test_the_percentile_is_the_share_of_normal_scores_below():
    scores = np.random.default_rng(0).standard_gamma(2, 5000)
    asked = np.linspace(0, 12, 300)
    expected = percentileofscore(scores, asked, kind="mean")
    # A straight line between two quantiles is nowhere further off than their distance.
    np.testing.assert_allclose(fit_threshold("max", 0.1, scores).percentile(asked), expected, atol=1.0)


def test_a_tie_gets_the_middle_of_its_percentiles():
    assert fit_threshold("max", 0.1, [3.0, 3.0]).percentile([2.9, 3.0, 3.1]).tolist() == [0.0, 50.0, 100.0]
    half_zero = fit_threshold("max", 0.1, np.append(np.zeros(101), np.arange(1.0, 101.0)))
    np.testing.assert_allclose(half_zero.percentile([-1.0, 0.0, 0.02, 50.0, 101.0]), [0, 25, 50, 75, 100], atol=0.02)


def test_percentiles_have_the_shape_of_the_scores():
    threshold = fit_threshold("max", 0.1, [1.0, 2.0])
    assert threshold.percentile(np.ones((2, 3), "float32")).shape == (2, 3)
    assert threshold.percentile(1.5) == pytest.approx(50.0)


def test_a_rate_is_promised_but_about_where_the_highest_score_might_stand_apart():
    guarantee = {n: fit_threshold("fpr", 0.05, np.arange(float(n))).guarantee for n in (19, 20, 38, 39, 200)}
    assert guarantee == {19: "exact", 20: "approximate", 38: "approximate", 39: "exact", 200: "exact"}
    odd = [*np.arange(30.0), 1e3]
    assert fit_threshold("fpr", 0.01, odd).guarantee == "approximate"
    assert fit_threshold("max", 0.01, odd).guarantee == "exact"


# === Words ===


@pytest.mark.parametrize(
    "method, fpr, count, expected",
    [
        (
            "fpr",
            0.01,
            20,
            "Threshold 19 (split conformal on 20 normal images): about 4.8 % false alarms expected; "
            "1 % needs 99 images, 79 more.",
        ),
        ("fpr", 0.07, 99, "Threshold 92 (split conformal on 99 normal images): at most 7 % false alarms expected."),
        ("fpr", 0.5, 1, "Threshold 0 (split conformal on 1 normal image): at most 50 % false alarms expected."),
        ("max", 0.01, 2, "Threshold 1 (the largest score of 2 normal images): at most 34 % false alarms expected."),
        (
            "sigma:3",
            0.01,
            1,
            "Threshold 0 (mean + 3 standard deviations of 1 normal image): no false-alarm rate is promised.",
        ),
        ("value:1.23456", 0.01, 5, "Threshold 1.235 (set by hand): no false-alarm rate is promised."),
    ],
)
def test_says_what_is_promised_and_what_it_would_take(method, fpr, count, expected):
    assert explain(fit_threshold(method, fpr, np.arange(float(count)))) == expected


def test_says_that_f1_is_optimistic():
    assert explain(fit_threshold("f1", 0.01, [0.0], [0, 1], [0.0, 1.0])) == (
        "Threshold 0 (the largest F1 on labelled images): no false-alarm rate is promised. "
        "It is optimistic: figures on the images it was chosen on flatter it."
    )


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 5000), rate=rates)
def test_never_says_less_than_the_bound(count, rate):
    threshold = fit_threshold("fpr", float(rate), np.arange(float(count)))
    said = Fraction(re.split("at most |about ", explain(threshold))[1].split(" %")[0]) / 100
    bound = Fraction(count + 1 - conformal_rank(count, rate), count + 1)
    assert bound - Fraction(1, 10**15) <= said <= bound * Fraction(111, 100)


# === The file ===


@pytest.mark.parametrize("method", ["fpr", "max", "sigma:2.5", "value:1", "f1"])
def test_what_was_written_is_read_back(tmp_path, method):
    scores = np.random.default_rng(0).normal(size=30).astype("float32")
    threshold = fit_threshold(method, 0.1, scores, np.arange(30) % 2, scores)
    threshold.write(tmp_path / "threshold.json")
    assert Threshold.read(tmp_path / "threshold.json") == threshold
    assert json.loads((tmp_path / "threshold.json").read_text())["format_version"] == 1


@pytest.mark.parametrize("change", [{"value": 4.0}, {"n": 99}, {"promised_fpr": 0.01}, {"guarantee": "exact"}])
def test_a_file_that_was_changed_by_hand_is_refused_with_the_command_that_sets_a_threshold(tmp_path, change):
    path = tmp_path / "bolts" / "threshold.json"
    path.parent.mkdir()
    fit_threshold("fpr", 0.1, np.arange(30.0), folds=10).write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    refuses("was changed after .* set it again: .*threshold .*bolts --fpr", Threshold.read, path)


def test_the_file_says_in_how_many_folds_and_how_far_it_is_guaranteed(tmp_path):
    threshold = fit_threshold("fpr", 0.1, np.arange(30.0), folds=10)
    threshold.write(tmp_path / "threshold.json")
    assert Threshold.read(tmp_path / "threshold.json") == threshold
    content = json.loads((tmp_path / "threshold.json").read_text())
    assert (content["folds"], content["n"], content["guarantee"]) == (10, 30, "approximate")


def test_elsewhere_the_same_threshold_promises_nothing():
    threshold = fit_threshold("fpr", 0.1, np.arange(30.0))
    elsewhere = on_other_images(threshold)
    assert (elsewhere.value, elsewhere.promised_fpr, elsewhere.guarantee) == (threshold.value, None, "none")
    assert "false alarms expected" in explain(threshold) and "false alarms expected" not in explain(elsewhere)


def test_a_promise_of_folds_does_not_say_at_most():
    assert "about 10 % false alarms" in explain(fit_threshold("fpr", 0.1, np.arange(99.0), folds=10))
    assert "at most 10 % false alarms" in explain(fit_threshold("fpr", 0.1, np.arange(99.0)))


GOOD = {
    "format_version": 1,
    "method": "fpr",
    "value": 0.75,
    "n": 20,
    "promised_fpr": 0.05,
    "wanted_fpr": 0.05,
    "optimistic": False,
    "quantiles": [0] * 50 + [0.5] * 51,
}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_file_from_which_the_bad_ones_are_made_is_good(tmp_path):
    threshold = Threshold.read(write(tmp_path / "threshold.json", GOOD))
    assert (threshold.value, threshold.n, threshold.quantiles) == (0.75, 20, (0.0,) * 50 + (0.5,) * 51)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"format_version": 2}, "newer one, with format_version 2"),
        ({"format_version": 0}, "format_version must be 1, got 0"),
        ({"format_version": "1"}, "format_version must be 1, got '1'"),
        ({"format_version": True}, "format_version must be 1, got True"),
        ({"method": "median"}, "method must be fpr.* got 'median'"),
        ({"method": 3}, "method must be fpr.* got 3"),
        ({"value": math.nan}, "value must be a finite number, got nan"),
        ({"value": math.inf}, "value must be a finite number, got inf"),
        ({"value": 10**400}, "value must be a finite number, got 1000"),
        ({"value": "1"}, "value must be a finite number, got '1'"),
        ({"value": None}, "value must be a finite number, got None"),
        ({"value": True}, "value must be a finite number, got True"),
        ({"n": 0}, "n must be a whole number of at least 1, got 0"),
        ({"n": 2.0}, "n must be a whole number of at least 1, got 2.0"),
        ({"folds": -1}, "folds must be a whole number of at least 0, got -1"),
        ({"apart": 2}, "apart must be 0 or 1, got 2"),
        ({"folds": 2.5}, "folds must be a whole number of at least 0, got 2.5"),
        ({"promised_fpr": 0}, "promised_fpr must be null or between 0 and 1, got 0"),
        ({"promised_fpr": 1.5}, "promised_fpr must be null or between 0 and 1, got 1.5"),
        ({"wanted_fpr": math.nan}, "wanted_fpr must be null or between 0 and 1, got nan"),
        ({"wanted_fpr": "0.1"}, "wanted_fpr must be null or between 0 and 1, got '0.1'"),
        ({"optimistic": 0}, "optimistic must be true or false, got 0"),
        ({"quantiles": [0.0] * 100}, "quantiles must be 101 finite numbers that never fall"),
        ({"quantiles": [0.0] * 100 + [-1.0]}, "quantiles must be 101"),
        ({"quantiles": [0.0] * 100 + [math.inf]}, "quantiles must be 101"),
        ({"quantiles": [math.nan] * 101}, "quantiles must be 101"),
        ({"quantiles": "0" * 101}, "quantiles must be 101"),
        ({"quantiles": None}, "quantiles must be 101"),
        ({"colour\n": 1}, r"has besides, the fields \['colour\\n'\]"),
    ],
)
def test_refuses_a_file_with_a_field_that_is_wrong(tmp_path, change, message):
    path = write(tmp_path / "threshold.json", GOOD | change)
    refuses(f"threshold.json is no threshold .*{message}", Threshold.read, path)


@pytest.mark.parametrize("name", GOOD)
def test_refuses_a_file_that_lacks_a_field(tmp_path, name):
    rest = {key: value for key, value in GOOD.items() if key != name}
    refuses(f"threshold.json is no threshold .*{name}", Threshold.read, write(tmp_path / "threshold.json", rest))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "threshold: 1", '{"value": ' + "1" * 5000 + "}"])
def test_refuses_a_file_that_is_no_json(tmp_path, text):
    refuses("threshold.json must be a threshold in JSON", Threshold.read, write(tmp_path / "threshold.json", text))


@pytest.mark.parametrize("text", ["[]", "1", "null", '"fpr"'])
def test_refuses_a_file_that_is_no_object(tmp_path, text):
    refuses("expected an object, got", Threshold.read, write(tmp_path / "threshold.json", text))


def test_refuses_a_file_that_is_not_text_or_is_not_there(tmp_path):
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    refuses("bytes.json must be a threshold in JSON", Threshold.read, tmp_path / "bytes.json")
    refuses(r"cannot read the threshold .*no.json \(No such file", Threshold.read, tmp_path / "no.json")
    refuses("cannot read the threshold", Threshold.read, tmp_path)
