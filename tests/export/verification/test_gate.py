"""What is refused, and what must be named in the reason."""

import pytest
from scipy.stats import binomtest

from export.formats import FORMATS, Tolerance
from export.verification.gate import problems, too_many

GOOD = {
    "verdicts": 141, "verdicts_differ": 2, "verdicts_on_normal": 21, "verdicts_differ_on_normal": 1,
    "rank_correlation": 1.0, "rank_correlation_at_most": 1.0, "score_error": 0.0,
    "median_score_error": 0.0,
}  # fmt: skip
MAY_DIFFER = 0.04


def found(name="int8", description=None, **worse):
    return problems(FORMATS[name].tolerance, {**GOOD, **worse}, description or {}, MAY_DIFFER)


def test_a_file_like_the_run_ships_in_every_format():
    for name in FORMATS:
        assert found(name, {"operators": {"CONV_2D": 1}}) == []


@pytest.mark.parametrize(
    "worse, named",
    [
        ({"verdicts_differ": 20}, ("20 of 141", "1 of 21", "19 of 120", "4.0%")),
        ({"median_score_error": 0.5}, ("0.5", "0.25", "2 of 141")),
        ({"rank_correlation": 0.8, "rank_correlation_at_most": 0.87}, ("0.8", "0.87", "2 of 141")),
    ],
)
def test_int8_is_refused_for_what_differs_and_the_reason_counts_verdicts(worse, named):
    (problem,) = found(**worse)
    assert all(text in problem for text in named), problem


def test_float32_is_refused_for_scores_that_are_off():
    (problem,) = found("float32", score_error=0.02)
    assert "0.02" in problem and "2 of 141" in problem
    assert found("int8", score_error=0.02) == []


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3])
@pytest.mark.parametrize("verdicts", [20, 126, 400])
def test_too_many_verdicts_differ_where_the_bound_of_clopper_and_pearson_is_above_the_share(verdicts, share):
    for differ in range(verdicts + 1):
        bound = binomtest(differ, verdicts).proportion_ci(0.98, "exact").low  # one-sided 99 %
        assert too_many(differ, verdicts, share) == (bound > share)


@pytest.mark.parametrize("verdicts", [3, 20, 126, 400])
def test_one_image_never_decides(verdicts):
    assert not too_many(1, verdicts, 0.02)


@pytest.mark.parametrize("loss", [None, 0.5])
def test_no_label_decides(loss):
    assert found(image_AUROC_loss=loss, test_verdicts_differ=80) == []


def test_operators_that_are_not_builtin_are_refused():
    (problem,) = problems(Tolerance(), GOOD, {"operators": {"CUSTOM:FlexErf": 1}}, MAY_DIFFER)
    assert "CUSTOM:FlexErf" in problem


def test_floats_are_refused_where_all_must_be_integers():
    tensors = {"tensors": {"float32": 2, "int8": 40}}
    (problem,) = found("int8_full", tensors)
    assert "float32" in problem
    assert found("int8", tensors) == []
