"""A threshold or a run that changes while `watch` goes on judges what comes after it."""

import dataclasses
import os
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from watching import ROW, rows_of

from piade_tf.cli.current_detector import FILES
from piade_tf.cli.watch import Watch, watch
from piade_tf.cli.watch_table import WatchTable
from piade_tf.detector import Detector
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold, fit_threshold


@dataclasses.dataclass(frozen=True)
class Judge:
    """A detector that gives every photograph the same score.

    Attributes:
        score: of all.
        threshold: that judges it.
        then: called before each verdict, with the path of the photograph.
    """

    score: float
    threshold: Threshold
    then: Callable[[str], None]

    def stream(self, paths, batch_size):
        verdict = "anomalous" if self.threshold.is_anomalous(np.float64(self.score)) else "normal"
        for path in paths:
            self.then(path)
            yield SimpleNamespace(pred_score=self.score, percentile=50.0, verdict=verdict)


def set_threshold(run, value):
    fit_threshold("max", 0.01, [0.0, value]).write(run / "threshold.json")


@pytest.fixture
def begun(tmp_path, detector, monkeypatch):
    """Makes a run whose detector gives all the same score; three photographs, and what happens before each verdict."""
    then = dict.fromkeys(("1.png", "2.png", "3.png"), lambda: None)
    (tmp_path / "photos").mkdir()
    for name in then:
        (tmp_path / "photos" / name).write_bytes(b"g")

    def make(path, score, threshold):
        path.mkdir()
        for name in FILES:
            (path / name).write_text(f"{score}")
        set_threshold(path, threshold)
        return path

    def load(run):
        if not (run / "scorer.npz").read_text():
            raise InputError("scorer.npz is cut short")
        score = float((run / "scorer.npz").read_text())
        return Judge(score, Threshold.read(run / "threshold.json"), lambda path: then[os.path.basename(path)]())

    monkeypatch.setattr(Detector, "load", load)
    return make, then


def watch_once(run, photos, **others):
    return watch(Watch(run, photos, settle=0.0, once=True, **others))


def test_a_threshold_that_is_set_meanwhile_judges_the_next_photograph(tmp_path, begun, capsys):
    make, then = begun
    run = make(tmp_path / "run", 0.3, threshold=0.5)
    then["1.png"] = lambda: set_threshold(run, 0.25)
    assert watch_once(run, tmp_path / "photos") == 1
    assert [row["verdict"] for row in rows_of(run / "watched.csv")] == ["normal", "anomalous", "anomalous"]
    out = capsys.readouterr().out
    assert out.count(f"threshold 0.25 from now on: {run / 'threshold.json'} has changed") == 1 and "again" not in out


def moved(new, run):
    run.rename(run.with_name("old"))
    new.rename(run)


def linked_to(new, run):
    run.unlink()
    run.symlink_to(new)


@pytest.mark.parametrize("replace", [moved, linked_to])
def test_another_run_that_is_put_in_its_place_judges_the_next_photograph_by_its_own_scores(
    tmp_path, begun, capsys, replace
):
    make, then = begun
    old, new = make(tmp_path / "old-run", 5.0, threshold=4.0), make(tmp_path / "new-run", 50.0, threshold=60.0)
    run = tmp_path / "current"
    (old.rename if replace is moved else run.symlink_to)(run if replace is moved else old)
    then["1.png"] = lambda: replace(new, run)
    assert watch_once(run, tmp_path / "photos") == 1
    before = tmp_path / ("old" if replace is moved else "old-run") / "watched.csv"
    assert [(row["pred_score"], row["verdict"]) for row in rows_of(before)] == [("5.0", "anomalous")]
    assert [(row["pred_score"], row["verdict"]) for row in rows_of(run / "watched.csv")] == [("50.0", "normal")] * 2
    out = capsys.readouterr().out
    assert f"threshold 60 from now on: {run} has changed and was loaded again" in out
    assert f"writing {run / 'watched.csv'} of that run from now on" in out


def test_a_table_elsewhere_is_gone_on_with_after_another_run_and_its_threshold_does_not_judge_before(tmp_path, begun):
    make, then = begun
    run, table = make(tmp_path / "run", 5.0, threshold=4.0), tmp_path / "t.csv"
    new = make(tmp_path / "new", 50.0, threshold=60.0)
    then["1.png"] = lambda: run.rename(tmp_path / "old")  # between the two there is none
    then["2.png"] = lambda: new.rename(run)
    assert watch_once(run, tmp_path / "photos", csv=table) == 1
    assert [row["pred_score"] for row in rows_of(table)] == ["5.0", "5.0", "50.0"]
    assert [row["verdict"] for row in rows_of(table)] == ["anomalous", "anomalous", "normal"]


def test_a_run_that_is_copied_into_its_place_judges_when_it_is_whole(tmp_path, begun, capsys):
    make, then = begun
    run, new = make(tmp_path / "run", 5.0, threshold=4.0), make(tmp_path / "new", 50.0, threshold=60.0)

    def half():
        (run / "scorer.npz").write_text("")
        shutil.copy(new / "threshold.json", run)

    then["1.png"] = half
    then["2.png"] = lambda: shutil.copytree(new, run, dirs_exist_ok=True)
    assert watch_once(run, tmp_path / "photos") == 1
    rows = [(row["pred_score"], row["verdict"]) for row in rows_of(run / "watched.csv")]
    assert rows == [("5.0", "anomalous"), ("5.0", "anomalous"), ("50.0", "normal")]
    said = capsys.readouterr()
    assert said.err == "warning: scorer.npz is cut short; what was loaded before goes on\n"
    assert "has changed and was loaded again" in said.out


def test_what_was_scored_stays_known_in_the_table_of_another_run(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with WatchTable(run / "watched.csv", tmp_path) as table:
        table.add(ROW)
        assert not table.follow()
        run.rename(tmp_path / "old")
        run.mkdir()
        assert table.follow() and table.has("a.png", (7, 8))
        table.add(ROW | {"path": "b.png"})
    assert [row["path"] for row in rows_of(run / "watched.csv")] == ["b.png"]
