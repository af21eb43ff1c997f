"""Watching a folder: whole files only, each once, whatever ends the program; an alarm for all that is not normal."""

import contextlib
import csv
import dataclasses
import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from watchfiles import Change

from piade_tf.cli import watch as watch_module
from piade_tf.cli.alarm import AT_ONCE, Alarm
from piade_tf.cli.current_detector import FILES
from piade_tf.cli.main import main
from piade_tf.cli.watch import Watch, watch
from piade_tf.cli.watch_table import COLUMNS, EARLIER, WatchTable
from piade_tf.data.decode import UnreadableImageError, read_content
from piade_tf.data.own_runs import MARKS
from piade_tf.detector import Detector, Unreadable
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold, fit_threshold

ROOT = Path(__file__).parents[3]
ROW = {"path": "a.png", "pred_score": 1.5, "percentile": 99.0, "verdict": "anomalous", "bytes": 7, "modified_ns": 8}


class Stub:
    """A detector that finds what is in the file: b is anomalous, ? cannot be read."""

    threshold = fit_threshold("max", 0.01, [0.0, 0.5])

    def __init__(self):
        self.read = []

    def stream(self, paths, batch_size):
        for path in paths:
            if os.path.isdir(path):
                yield Unreadable(path, "is a folder, not a file")
                continue
            content = Path(path).read_bytes()
            self.read.append((os.path.basename(path), content))
            if content == b"?":
                yield Unreadable(path, "is damaged")
            else:
                score, verdict = (1.0, "anomalous") if content == b"b" else (0.0, "normal")
                yield SimpleNamespace(pred_score=score, percentile=50.0, verdict=verdict)


@pytest.fixture
def detector(monkeypatch):
    stub = Stub()
    monkeypatch.setattr(Detector, "load", lambda _run: stub)
    monkeypatch.setattr(watch_module, "start_tensorflow", lambda: None)
    return stub


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "lot").mkdir(parents=True)
    (folder / "1.png").write_bytes(b"g")
    (folder / "lot" / "2.png").write_bytes(b"b")
    (folder / "3.jpg").write_bytes(b"?")
    (folder / "._1.png").write_bytes(b"left by a computer")
    (folder / "4.png.part").write_bytes(b"half a download")
    return folder


def options(folder, table, **others):
    return Watch(Path("run"), folder, csv=table, settle=0.0, once=True, **others)


def rows_of(table):
    with open(table, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# === Each file once ===


def test_what_lies_there_is_scored_once_also_after_a_restart(detector, folder, tmp_path, capsys):
    table = tmp_path / "t.csv"
    assert watch(options(folder, table)) == 2
    rows = {row["path"]: row["verdict"].split(":")[0] for row in rows_of(table)}
    assert rows == {"1.png": "normal", "lot/2.png": "anomalous", "3.jpg": "unreadable"}
    detector.read.clear()
    assert watch(options(folder, table)) == 0
    assert detector.read == []
    (folder / "1.png").write_bytes(b"b")  # another photograph under the same name
    (folder / "5.webp").write_bytes(b"g")
    assert watch(options(folder, table)) == 1
    assert sorted(detector.read) == [("1.png", b"b"), ("5.webp", b"g")]
    assert len(rows_of(table)) == 5
    assert "1 anomalous, 1 normal and 0 unreadable" in capsys.readouterr().out


def test_a_listing_opens_nothing_that_was_scored_and_searches_for_its_folder_once(detector, tmp_path, monkeypatch):
    folder, asked_for = tmp_path / "photos", []
    folder.mkdir()

    def tell(module, name):
        function = getattr(module, name)

        def told(path, *others, **options):
            asked_for.append(Path(path))
            return function(path, *others, **options)

        monkeypatch.setattr(module, name, told)

    def listed_again(*names):
        for name in names:
            (folder / name).write_bytes(b"\x89PNG\r\n")
        watch(options(folder, tmp_path / "t.csv"))
        asked_for.clear()
        watch(options(folder, tmp_path / "t.csv"))
        return [path for path in asked_for if folder in (path, path.parent)]

    tell(os, "open")
    tell(os.path, "realpath")
    of_one = listed_again("1.png")
    assert listed_again("2.png", "00003_cam.png", "without_ending") == of_one == [folder] * len(of_one)
    assert len(detector.read) == 4


def test_a_name_that_a_spreadsheet_would_take_for_a_formula_is_no_formula_and_still_a_path(detector, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ('=HYPERLINK("x").png', "-1.png", "+1.png", "@1.png", "1.png"):
        (folder / name).write_bytes(b"g")
    assert watch(options(folder, tmp_path / "t.csv")) == 0
    paths = {row["path"] for row in rows_of(tmp_path / "t.csv")}
    assert paths == {'./=HYPERLINK("x").png', "./-1.png", "./+1.png", "./@1.png", "1.png"}
    assert all((folder / path).is_file() for path in paths)
    of_before = (tmp_path / "t.csv").read_text().replace("./-1.png", "-1.png")  # as tables were
    (tmp_path / "t.csv").write_text(of_before)
    detector.read.clear()
    assert watch(options(folder, tmp_path / "t.csv")) == 0 and detector.read == []


def alike(tmp_path, *cameras):
    """Folders, each with a photograph of that content and of equal name, size and time of change."""
    for folder, content in cameras:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(content)
        os.utime(tmp_path / folder / "1.png", (1.7e9, 1.7e9))
    return [tmp_path / folder for folder, _ in cameras]


def test_a_second_folder_is_scored_too_where_all_that_tells_its_files_is_equal(detector, tmp_path):
    good, bad = alike(tmp_path, ("camera-1", b"g"), ("camera-2", b"b"))
    table = tmp_path / "t.csv"
    (tmp_path / "latest").symlink_to(bad)
    assert [watch(options(folder, table)) for folder in (good, bad, good, bad, tmp_path / "latest")] == [0, 1, 0, 0, 0]
    assert [(row["path"], row["folder"]) for row in rows_of(table)] == [("1.png", str(good)), ("1.png", str(bad))]


def test_a_table_without_the_column_for_the_folder_is_gone_on_with_as_it_is(detector, tmp_path):
    first, second, third = alike(tmp_path, ("camera-1", b"g"), ("camera-2", b"g"), ("camera-3", b"g"))
    table = tmp_path / "t.csv"
    begun = ",".join(EARLIER) + f"\n1.png,0.0,50.0,normal,1,{int(1.7e9) * 10**9}\n"
    table.write_text(begun)
    assert watch(options(first, table)) == 0 and watch(options(second, table)) == 0
    assert detector.read == [] and table.read_text() == begun  # its rows count for any folder
    for folder in (second, third):
        (folder / "1.png").rename(folder / "2.png")
    assert [watch(options(folder, table)) for folder in (second, third, second)] == [0, 0, 0]
    rows = rows_of(table)
    assert table.read_text().startswith(begun) and {tuple(row) for row in rows} == {EARLIER}
    assert [row["path"] for row in rows] == ["1.png", str(second / "2.png"), str(third / "2.png")]


@pytest.mark.parametrize("verdicts, code", [(b"gg", 0), (b"gb", 1), (b"b?", 2)])
def test_the_exit_code_is_that_of_predict(detector, tmp_path, verdicts, code):
    for number, content in enumerate(verdicts):
        (tmp_path / f"{number}.png").write_bytes(bytes([content]))
    assert watch(options(tmp_path, tmp_path / "t.csv")) == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("content, code", [(b"g", 0), (b"b", 1), (b"?", 2)])
def test_a_signal_ends_it_with_the_exit_code_of_what_it_found(detector, tmp_path, number, content, code):
    (tmp_path / "1.png").write_bytes(content)

    def end_when_scored():
        deadline = time.monotonic() + 20
        while not detector.read and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=end_when_scored)
    thread.start()
    assert watch(Watch(Path("run"), tmp_path, csv=tmp_path / "t.csv", settle=0.0)) == code
    thread.join()


def test_a_second_signal_ends_it_at_once(detector, tmp_path, monkeypatch):
    def stream(_paths, batch_size):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("it went on")

    (tmp_path / "1.png").write_bytes(b"g")
    monkeypatch.setattr(detector, "stream", stream)
    with pytest.raises(KeyboardInterrupt):  # which `errors_in_one_line` ends with 130
        watch(options(tmp_path, tmp_path / "t.csv"))


def test_help_and_page_name_the_exit_codes_of_an_interrupt(capsys):
    with pytest.raises(SystemExit):
        main(["watch", "--help"])
    page = (ROOT / "docs" / "in_use.md").read_text(encoding="utf-8").partition("## A folder that fills up")[2]
    for text in (capsys.readouterr().out, page):
        text = " ".join(text.split())
        assert "Ctrl-C or SIGTERM ends it after the current photograph" in text
        assert (
            "0 if all were normal, 1 if one was anomalous, 2 if one could not be read" in text and "with 130." in text
        )


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


@contextlib.contextmanager
def settling(folder, tmp_path, wanted, settle=0.0):
    """What settles in a folder, names with contents, None for what went: `wanted` are waited for, then a while."""
    stop, found = threading.Event(), []
    folder.mkdir(exist_ok=True)
    with WatchTable(tmp_path / "t.csv", tmp_path) as table:
        settled = watch_module._settled(Watch(Path("run"), folder, settle=settle), table, stop)
        thread = threading.Thread(target=lambda: found.extend(
            (path, stamp and (folder / path).read_bytes()) for path, stamp in settled))  # fmt: skip
        thread.start()
        time.sleep(0.5)
        yield found
        deadline = time.monotonic() + 20
        while len(found) < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_a_file_is_read_when_it_has_stopped_growing(detector, tmp_path):
    folder = tmp_path / "photos"
    with settling(folder, tmp_path, wanted=3, settle=0.4) as found:
        (folder / "lot").mkdir()
        for length in range(1, 6):
            (folder / "slow.png").write_bytes(b"x" * length)
            (folder / "lot" / "deep.png").write_bytes(b"y" * length)
            (folder / "renamed.png.part").write_bytes(b"z" * length)
            time.sleep(0.1)
        os.rename(folder / "renamed.png.part", folder / "renamed.png")
    assert sorted(found) == [("lot/deep.png", b"y" * 5), ("renamed.png", b"z" * 5), ("slow.png", b"x" * 5)]


def news(monkeypatch, *batches):
    """Has the system tell of changes: each batch is a function that makes some and returns them by path."""

    def told(root, stop_event, **_options):
        for batch in batches:
            yield {(change, str(root / path)) for path, change in batch()}
        stop_event.set()

    monkeypatch.setattr("watchfiles.watch", told)


def watch_to_the_end(folder, table, settle=0.0):
    return watch(Watch(Path("run"), folder, csv=table, settle=settle, on_anomaly="false"))


def test_a_photograph_that_went_before_its_turn_is_told_and_counted(detector, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "photos"
    (folder / "lot").mkdir(parents=True)
    grows = folder / "grows.png"

    def growing():
        grows.write_bytes(b"g")
        return [("grows.png", Change.added)]

    def cleared():
        grows.unlink()
        names = ("a.png", "lot/b.JPG", ".hidden.png", "notes.txt", "c.jpg.part")
        return [(name, change) for name in (*names, grows.name) for change in (Change.added, Change.deleted)]

    news(monkeypatch, growing, cleared, lambda: [("old.png", Change.deleted)])
    assert watch_to_the_end(folder, tmp_path / "t.csv", settle=5.0) == 0
    out, alarms = capfd.readouterr()
    notes = [line for line in out.splitlines() if line.startswith("note: ")]
    gone = ("grows.png", "a.png", "lot/b.JPG")
    assert notes == [f"note: {name} went, or was renamed, before it was inspected" for name in gone]
    assert out.splitlines()[-1].endswith("t.csv; 3 went, or were renamed, before they were inspected")
    assert rows_of(tmp_path / "t.csv") == [] and alarms == ""


def test_a_camera_that_renames_what_it_has_written_raises_no_alarm(detector, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "photos"
    folder.mkdir()

    def written():
        for name in ("tmp123.jpg", "2.jpg.part"):
            (folder / name).write_bytes(b"g")
        return [("tmp123.jpg", Change.added), ("2.jpg.part", Change.added)]

    def renamed():
        (folder / "tmp123.jpg").rename(folder / "1.jpg")
        (folder / "2.jpg.part").rename(folder / "2.jpg")
        after = [("1.jpg", Change.added), ("2.jpg", Change.added)]
        return [("tmp123.jpg", Change.deleted), ("2.jpg.part", Change.deleted), *after]

    def settled():
        time.sleep(0.3)
        return []

    news(monkeypatch, written, renamed, settled)
    assert watch_to_the_end(folder, tmp_path / "t.csv", settle=0.2) == 0
    out, alarms = capfd.readouterr()
    assert out.count("note: ") == 1 and "note: tmp123.jpg went, or was renamed" in out and alarms == ""
    assert sorted(row["path"] for row in rows_of(tmp_path / "t.csv")) == ["1.jpg", "2.jpg"]


def test_the_system_tells_of_a_photograph_that_goes_at_once(detector, tmp_path, capsys):
    folder = tmp_path / "photos"
    with settling(folder, tmp_path, wanted=2) as found:
        (folder / "1.png").write_bytes(b"g")
        (folder / "1.png").unlink()
        (folder / "2.png").write_bytes(b"g")
    assert sorted(found) == [("1.png", None), ("2.png", b"g")]


def test_what_is_put_into_a_run_among_the_photographs_is_passed_over(detector, tmp_path):
    folder = tmp_path / "photos"
    run = folder / "lot" / "run"
    run.mkdir(parents=True)
    for name in MARKS:
        (run / name).write_text("{}")
    with settling(folder, tmp_path, wanted=1) as found:
        (run / "example.png").write_bytes(b"x")
        (folder / "lot" / "photograph.png").write_bytes(b"y")
    assert found == [("lot/photograph.png", b"y")]


ERRORS_OF_NEWS = [OSError("OS file watch limit reached."), RuntimeError("Too many open files")]


@pytest.mark.parametrize("error", ERRORS_OF_NEWS, ids=["no watches left", "no instances left"])
def test_where_the_system_tells_of_no_changes_the_folder_is_listed_again_and_again(
    detector, tmp_path, monkeypatch, capsys, error
):
    def failing(*_arguments, **_options):
        raise error
        yield

    folder = tmp_path / "photos"
    monkeypatch.setattr("watchfiles.watch", failing)
    monkeypatch.setattr(watch_module, "LOOK_AGAIN", 0.2)
    with settling(folder, tmp_path, wanted=1) as found:
        (folder / "1.png").write_bytes(b"g")
    assert set(found) == {("1.png", b"g")}  # once for each list, since no row is written here
    assert f"warning: no news of {folder} ({error}); it is listed every 0.2 seconds" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read anything")
def test_a_folder_below_that_cannot_be_entered_gets_a_row_and_does_not_end_it(detector, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(watch_module, "TRY_AGAIN", 0.5)
    (folder / "closed").mkdir(mode=0)
    (folder / "3.jpg").unlink()
    assert watch(options(folder, tmp_path / "t.csv")) == 2
    assert {row["path"]: row["verdict"][:10] for row in rows_of(tmp_path / "t.csv")} == {
        "1.png": "normal", "lot/2.png": "anomalous", "closed": "unreadable",
    }  # fmt: skip


def test_a_folder_that_cannot_be_listed_any_more_is_told(detector, folder, tmp_path, monkeypatch, capsys):
    lost = SimpleNamespace(images=[], unread=[(".", "cannot be entered: Permission denied")])
    monkeypatch.setattr("piade_tf.data.walk.walk", lambda _folder, leave_out: lost)
    watch(options(folder, tmp_path / "t.csv"))
    assert f"warning: {folder} cannot be entered: Permission denied; nothing" in capsys.readouterr().out


@pytest.fixture
def held(monkeypatch):
    """How often files cannot be opened, by name."""
    times, opens = {}, os.open

    def tries(path, *arguments, **options):
        name = os.path.basename(path)
        if times.get(name):
            times[name] -= 1
            raise OSError(errno.EIO, "Input/output error")
        return opens(path, *arguments, **options)

    monkeypatch.setattr(os, "open", tries)
    return times


def test_a_file_that_cannot_be_opened_yet_is_tried_again(detector, folder, tmp_path, held):
    held["1.png"] = 3
    assert watch(options(folder, tmp_path / "t.csv")) == 2
    rows = {row["path"]: row["verdict"] for row in rows_of(tmp_path / "t.csv")}
    assert held["1.png"] == 0 and rows["1.png"] == "normal" and len(rows) == 3


def test_what_could_not_be_opened_for_long_gets_a_row_and_is_tried_again_at_the_next_start(
    detector, tmp_path, monkeypatch, held
):
    path, table = tmp_path / "1.png", tmp_path / "t.csv"
    path.write_bytes(b"g")
    held["1.png"] = 1_000_000
    monkeypatch.setattr(watch_module, "TRY_AGAIN", 3.0)
    with pytest.raises(UnreadableImageError) as error:
        read_content(path)
    with monkeypatch.context() as patched:
        patched.setattr(detector, "stream", lambda paths, batch_size: [Unreadable(paths[0], str(error.value))])
        assert watch(options(tmp_path, table)) == 2
    assert held["1.png"] < 1_000_000 - 2
    held.clear()
    assert watch(options(tmp_path, table)) == 0 and watch(options(tmp_path, table)) == 0
    assert len(detector.read) == 1
    assert [row["verdict"] for row in rows_of(table)] == ["unreadable: cannot be opened: Input/output error", "normal"]


# === The alarm ===


def test_the_command_is_started_without_a_shell_for_all_that_is_not_normal(detector, folder, tmp_path):
    odd = folder / "'; touch gone; {score}'.png"
    odd.write_bytes(b"b")
    script = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10))"
    log = tmp_path / "log"
    watch(options(folder, tmp_path / "t.csv",
                  on_anomaly=f"{sys.executable} -c \"{script}\" {log} {{verdict}} {{score}} {{path}}"))  # fmt: skip
    deadline = time.monotonic() + 20
    while (not log.exists() or log.read_text().count("\n") < 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sorted(log.read_text().splitlines()) == [
        f"anomalous 1 {odd}",
        f"anomalous 1 {folder / 'lot' / '2.png'}",
        f"unreadable - {folder / '3.jpg'}",
    ]


def test_of_many_commands_a_few_run_at_once_and_none_is_lost(tmp_path, capfd):
    (tmp_path / "running").mkdir()
    (tmp_path / "alarm.py").write_text(
        f"import os, sys, time; os.chdir({str(tmp_path)!r}); mine = 'running/' + sys.argv[1]; os.mkdir(mine)\n"
        "open('log', 'a').write(f'{len(os.listdir(\"running\"))} '); time.sleep(0.3); os.rmdir(mine)"
    )
    with Alarm(f"{sys.executable} {tmp_path / 'alarm.py'} {{path}}") as alarm:
        for number in range(3 * AT_ONCE):
            alarm.start(f"{number}", "1", "anomalous")
    running = [int(word) for word in (tmp_path / "log").read_text().split()]
    assert len(running) == 3 * AT_ONCE and max(running) <= AT_ONCE
    assert f"that for {AT_ONCE} waits" in capfd.readouterr().err


def test_where_no_thread_can_be_started_any_more_the_first_does_it_all(tmp_path, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"
    with Alarm(f'{sys.executable} -c "{script}" {{path}}') as alarm:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for number in range(4):
            alarm.start(str(tmp_path / f"{number}"), "1", "anomalous")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("when", ["in the block", "after it"])
def test_commands_that_are_not_started_any_more_after_an_interrupt_are_counted(capfd, when):
    def interrupt():
        while sum(future.running() for future in alarm._open) < AT_ONCE:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt), Alarm(f'{sys.executable} -c "import time; time.sleep(2)"') as alarm:
        for number in range(AT_ONCE + 3):
            alarm.start(str(number), "1", "anomalous")
        interrupting.start()
        if when == "in the block":
            time.sleep(5)
    assert "was not started for 3 photographs any more" in capfd.readouterr().err


# === The table ===


def test_a_table_cut_short_anywhere_is_read_up_to_its_last_whole_row(tmp_path):
    path = tmp_path / "t.csv"
    with WatchTable(path, tmp_path) as table:
        for number in range(3):
            table.add(ROW | {"path": f'{number}, "odd".png'})
    content = path.read_bytes()
    ends = [0, *itertools.accumulate(len(line) for line in content.splitlines(keepends=True))]
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        with WatchTable(path, tmp_path) as table:
            known = [table.has(f'{number}, "odd".png', (7, 8)) for number in range(3)]
            assert known == [length >= end for end in ends[2:]]
            table.add(ROW)
        assert [row["path"] for row in rows_of(path)][-1] == "a.png"
        assert len(rows_of(path)) == 1 + sum(known)


def test_a_watched_link_that_leads_elsewhere_is_another_folder(tmp_path):
    link = tmp_path / "today"
    link.symlink_to("monday")
    with WatchTable(tmp_path / "t.csv", link) as table:
        table.add(ROW)
        assert table.has("a.png", (7, 8))
        link.unlink()
        link.symlink_to("tuesday")
        assert not table.has("a.png", (7, 8))


def test_a_process_killed_while_it_writes_leaves_whole_rows(tmp_path):
    code = f"""
import itertools, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from piade_tf.cli.watch_table import WatchTable
with WatchTable(Path({str(tmp_path / "t.csv")!r}), Path({str(tmp_path)!r})) as table:
    for number in itertools.count():
        if not table.has(f"{{number}}.png", (7, 8)):
            table.add({ROW!r} | {{"path": f"{{number}}.png"}})
            print(number, flush=True)
"""
    written = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(5):
            written = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.communicate()
    paths = [row["path"] for row in rows_of(tmp_path / "t.csv")]
    assert len(paths) == len(set(paths)) and paths[: written + 1] == [f"{i}.png" for i in range(written + 1)]


@contextlib.contextmanager
def files_of_at_most(size):
    """The disk is full when a file has so many bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_after_a_row(folder):
    return files_of_at_most(150 + len(str(folder)))


@contextlib.contextmanager
def full_when_forced_to_the_disk(_folder):
    """As on a network drive, which may tell only then."""
    fsync, calls = os.fsync, itertools.count()

    def full(number):
        if next(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(number)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", full)
        yield


@pytest.mark.parametrize("full", [full_after_a_row, full_when_forced_to_the_disk])
def test_a_photograph_whose_row_finds_no_room_is_scored_again_when_there_is(detector, folder, tmp_path, capsys, full):
    table = tmp_path / "t.csv"
    told = "t.csv .* it has all photographs told of so far: mend that and start"
    with full(folder), pytest.raises(InputError, match=told):
        watch(options(folder, table))
    (row,) = rows_of(table)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == [row["path"]]
    assert watch(options(folder, table)) == 2
    assert len(rows_of(table)) == 3 and len(detector.read) == 4


def test_a_table_that_has_no_room_to_begin_is_one_line_before_anything_is_scored(detector, folder, tmp_path):
    with files_of_at_most(10), pytest.raises(InputError, match="cannot write .*t.csv"):
        watch(options(folder, tmp_path / "t.csv"))
    assert detector.read == [] and rows_of(tmp_path / "t.csv") == []


# === Bad input ===


def test_what_is_wrong_is_told_before_anything_is_scored(detector, folder, tmp_path):
    other, half = tmp_path / "other.csv", tmp_path / "half.csv"
    other.write_text("a,b\n1,2\n")
    half.write_text("notes without an end")
    wrong = {
        "gone does not exist": options(tmp_path / "gone", tmp_path / "t.csv"),
        "other.csv is a file": options(other, tmp_path / "t.csv"),
        "other.csv is another table": options(folder, other),
        "half.csv is another file": options(folder, half),
        f"{tmp_path} is no file": options(folder, tmp_path),
        "/dev/full is no file": options(folder, Path("/dev/full")),
        "cannot write .*File name too long": options(folder, tmp_path / ("a" * 300)),
        "--on-anomaly: there is no program 'no-such-program'": options(folder, None, on_anomaly="no-such-program x"),
        "--on-anomaly .* is not a command": options(folder, None, on_anomaly="echo 'x"),
    }
    for message, given in wrong.items():
        with pytest.raises(InputError, match=message):
            watch(given)
    assert detector.read == [] and other.read_text() == "a,b\n1,2\n" and half.read_text() == "notes without an end"


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's")
def test_a_second_watch_on_the_same_table_is_refused(detector, folder, tmp_path):
    with WatchTable(tmp_path / "t.csv", tmp_path), pytest.raises(InputError, match="another watch"):
        watch(options(folder, tmp_path / "t.csv"))


def test_the_columns_are_those_of_predict_and_what_tells_a_file(tmp_path):
    with WatchTable(tmp_path / "t.csv", tmp_path):
        assert (tmp_path / "t.csv").read_text() == ",".join(COLUMNS) + "\n"
