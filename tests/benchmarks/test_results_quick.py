"""A number measured again agrees within the spread of the seeds."""

import pytest

from benchmarks.results_quick import CHECKS, LEAST, Check, committed_values, judged, span
from benchmarks.tables import TABLES

CHECK = Check("made_up", (), "made_up.csv", {"data": "a"}, "image_AUROC")


@pytest.fixture
def results(tmp_path):
    (tmp_path / "made_up.csv").write_text("data,seed,image_AUROC\na,0,0.90\na,1,0.94\nb,0,0.1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("value, agrees", [(0.92, True), (0.96, True), (0.87, False), (0.98, False), (None, False)])
def test_a_value_beyond_the_seeds_by_more_than_their_deviation_differs(results, value, agrees):
    assert judged(CHECK, lambda check: value, results)[0] == agrees


def test_a_single_seed_has_the_least_margin():
    assert span([0.9]) == pytest.approx((0.9 - LEAST, 0.9 + LEAST))


def test_a_missing_row_does_not_agree_and_is_not_measured(results):
    fine, told = judged(CHECK._replace(where={"data": "c"}), pytest.fail, results)
    assert not fine and "made_up.csv has no such row" in told


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.table)
def test_every_check_is_of_a_table_whose_csv_has_the_row(check):
    assert check.table in TABLES
    assert committed_values(check)
