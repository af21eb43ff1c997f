"""The table of `watch`: whole rows whatever ends the program, and what tells one file from another."""

import contextlib
import errno
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from watching import ROW, options, rows_of

from piade_tf.cli.watch import watch
from piade_tf.cli.watch_table import COLUMNS, EARLIER, WatchTable
from piade_tf.errors import InputError

ROOT = Path(__file__).parents[4]


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


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX's")
def test_a_second_watch_on_the_same_table_is_refused(detector, folder, tmp_path):
    with WatchTable(tmp_path / "t.csv", tmp_path), pytest.raises(InputError, match="another watch"):
        watch(options(folder, tmp_path / "t.csv"))


def test_the_columns_are_those_of_predict_and_what_tells_a_file(tmp_path):
    with WatchTable(tmp_path / "t.csv", tmp_path):
        assert (tmp_path / "t.csv").read_text() == ",".join(COLUMNS) + "\n"
