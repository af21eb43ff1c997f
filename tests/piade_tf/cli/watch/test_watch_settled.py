"""A photograph is inspected once it is whole; one that goes before is told of."""

import contextlib
import errno
import os
import threading
import time
from pathlib import Path

import pytest
from watchfiles import Change
from watching import news, options, rows_of, watch_to_the_end

from piade_tf.cli import watch as watch_module
from piade_tf.cli.watch import Watch, watch
from piade_tf.cli.watch_table import WatchTable
from piade_tf.data.decode import UnreadableImageError, read_content
from piade_tf.data.own_runs import MARKS
from piade_tf.detector import Unreadable


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
