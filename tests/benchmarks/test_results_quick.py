"""A number measured again agrees within the spread of the seeds."""

import time

import pytest

from benchmarks import results_quick
from benchmarks.results_quick import CHECKS, LEAST, Check, committed_values, judged, main, measure, span
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


DIRECTORIES = ["--tfds", "T", "--photographs", "P"]


def test_one_that_differs_is_told_beside_the_others_and_ends_with_1(monkeypatch, capsys):
    wrong = CHECKS[2]
    monkeypatch.setattr(
        results_quick,
        "measure",
        lambda check, given, folder: committed_values(check)[0] + (0.1 if check == wrong else 0.0),
    )
    assert main(DIRECTORIES) == 1
    lines = capsys.readouterr().out.splitlines()
    (differs,) = [line for line in lines if line.startswith("DIFFERS")]
    assert differs.startswith(f"DIFFERS: {wrong.table}, ")
    assert lines[-1].startswith(f"{len(CHECKS) - 1} of {len(CHECKS)} agree")


def test_each_check_has_a_folder_of_its_own(monkeypatch):
    folders = []
    monkeypatch.setattr(
        results_quick, "measure", lambda check, given, folder: folders.append(folder) or committed_values(check)[0]
    )
    assert main([*DIRECTORIES, "--jobs", "1"]) == 0
    assert len(set(folders)) == len(CHECKS)


def test_after_an_error_nothing_more_is_measured(monkeypatch):
    asked = []

    def broken(check, given, folder):
        asked.append(check)
        if len(asked) > 1:  # begun before the error was seen
            time.sleep(1)
        raise RuntimeError("no such thing")

    monkeypatch.setattr(results_quick, "measure", broken)
    with pytest.raises(RuntimeError, match="no such thing"):
        main([*DIRECTORIES, "--jobs", "1"])
    assert len(asked) <= 2


@pytest.mark.parametrize("written, value", [("image_AUROC\n0.75\n", 0.75), ("image_AUROC\n", None), ("", None)])
def test_a_benchmark_writes_to_the_folder_and_no_row_is_no_value(tmp_path, monkeypatch, written, value):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "made_up.py").write_text(
        f"import pathlib, sys\npathlib.Path(sys.argv[1]).write_text({written!r})", encoding="utf-8"
    )
    monkeypatch.setattr(results_quick, "ROOT", tmp_path)
    check = CHECK._replace(words=("made_up", "{out}/{file}"))
    assert measure(check, {}, tmp_path / "0") == value
