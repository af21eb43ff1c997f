"""Files are written whole or not at all."""

import csv
import errno
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from piade_tf.errors import InputError
from piade_tf.files import GrowingFile, check_file, check_folder, name_within, replacing, write_csv, write_json

needs_posix = pytest.mark.skipif(os.name != "posix", reason="pipes, links, locks and permissions of POSIX")


def fails_half_way(path):
    with replacing(path) as temporary:
        temporary.write_text("half of")
        raise RuntimeError("the disk is full")


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.suffix == path.suffix
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_when_writing_fails_half_way(tmp_path):
    with pytest.raises(RuntimeError):
        fails_half_way(tmp_path / "file.txt")
    assert list(tmp_path.iterdir()) == []


def test_the_old_content_stays_when_writing_fails_half_way(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        fails_half_way(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_replaced_not_written_into(tmp_path):
    path, reader = tmp_path / "file.txt", tmp_path / "reader.txt"
    path.write_text("old")
    reader.hardlink_to(path)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert (path.read_text(), reader.read_text()) == ("new", "old")


@needs_posix
def test_what_is_being_written_is_refused_to_others_and_stays_as_it_is(tmp_path):
    path = tmp_path / "table.csv"
    for content in ("first\n", "after it\n"):
        with GrowingFile(path) as file:
            file.write(content)
            with pytest.raises(InputError, match=r"table.csv.part is being written by another process; wait"):
                GrowingFile(path)
            file.write("whole\n")
        assert path.read_text() == content + "whole\n" and list(tmp_path.iterdir()) == [path]


@needs_posix
def test_until_it_has_its_name_it_is_refused_to_others(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"

    def refused(*names):
        with pytest.raises(InputError, match="is being written"):
            GrowingFile(path)
        rename(*names)

    rename = os.replace
    monkeypatch.setattr(os, "replace", refused)
    with GrowingFile(path) as file:
        file.write("whole")
    assert path.read_text() == "whole"


@needs_posix
def test_what_has_got_its_name_meanwhile_is_not_emptied(tmp_path, monkeypatch):
    import fcntl

    path, lock = tmp_path / "table.csv", fcntl.flock
    first = GrowingFile(path)
    first.write("whole")

    def late(file, how):
        if not path.exists():
            first.__exit__(None)
        return lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with GrowingFile(path) as second:
        assert path.read_text() == "whole"
        second.write("another")
    assert path.read_text() == "another"


def test_where_a_drive_has_no_locks_it_is_written_all_the_same(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def none(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with GrowingFile(tmp_path / "table.csv") as file:
        file.write("whole")
    assert (tmp_path / "table.csv").read_text() == "whole"


def test_what_a_program_left_that_was_killed_is_written_anew(tmp_path):
    (tmp_path / "table.csv.part").write_text("rows of before")
    with GrowingFile(tmp_path / "table.csv") as file:
        file.write("new")
    assert (tmp_path / "table.csv").read_text() == "new"


def test_json_is_read_back_and_paths_become_text(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2.5, None], "path": tmp_path})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": [1, 2.5, None], "path": str(tmp_path)}
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_refuses_what_json_has_not_and_keeps_the_old_file(tmp_path, value):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": [value]})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_csv_is_read_back(tmp_path):
    rows = [["plain", 1, 0.25], ['comma, "quote"', 2, -1e-9], ["T-shirt/top\n", 3, 1.0]]
    write_csv(tmp_path / "a.csv", ["name", "count", "value"], rows)
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        header, *read = csv.reader(file)
    assert header == ["name", "count", "value"]
    assert [[name, int(count), float(value)] for name, count, value in read] == rows


def test_csv_whose_rows_fail_half_way_leaves_nothing(tmp_path):
    def rows():
        yield [1]
        raise RuntimeError("no more rows")

    with pytest.raises(RuntimeError):
        write_csv(tmp_path / "a.csv", ["a"], rows())
    assert list(tmp_path.iterdir()) == []


# === Through links, into pipes and devices ===


@needs_posix
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_the_file_behind_it_is_replaced(tmp_path, exists):
    (tmp_path / "far").mkdir()
    link, target = tmp_path / "link.json", tmp_path / "far" / "target.json"
    (tmp_path / "middle").symlink_to(target)
    link.symlink_to("middle")
    if exists:
        target.write_text("old")
        target.chmod(0o640)
    write_json(link, [1])
    assert link.is_symlink() and (tmp_path / "middle").is_symlink() and json.loads(target.read_text()) == [1]
    assert not exists or target.stat().st_mode & 0o777 == 0o640
    assert len(list(tmp_path.iterdir())) == 3 and len(list((tmp_path / "far").iterdir())) == 1


@needs_posix
def test_the_reader_of_a_pipe_gets_the_content_and_the_pipe_stays(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe) as temporary:
        temporary.write_bytes(bytes(100_000))
    reader.join(20)
    assert got == [bytes(100_000)] and pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


@needs_posix
def test_devices_stay_devices_and_a_device_that_is_full_is_one_line():
    write_json(Path("/dev/null"), [1])
    assert Path("/dev/null").is_char_device()
    if Path("/dev/full").exists():
        with pytest.raises(InputError, match="/dev/full"):
            write_json(Path("/dev/full"), [1])


@needs_posix
def test_the_shells_names_for_open_files_are_written_to(tmp_path):
    code = (
        "import sys; from pathlib import Path; from piade_tf.files import write_json; write_json(Path(sys.argv[1]), 7)"
    )
    for name, descriptor in (("/dev/stdout", "1"), ("/dev/fd/5", "5"), ("/proc/self/fd/2", "2")):
        line = f"{sys.executable} -c '{code}' {name} {descriptor}>{tmp_path / 'out'}"
        subprocess.run(["bash", "-c", line], check=True, timeout=60, cwd=Path(__file__).parents[2])
        assert (tmp_path / "out").read_text() == "7\n", name


# === Checked first ===


def test_what_can_be_written_passes_and_nothing_is_left(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    for path in (tmp_path / "old.csv", tmp_path / "new.csv", Path(os.devnull)):
        check_file(path, "--csv")
    check_folder(tmp_path / "a" / "b", "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"] and (tmp_path / "old.csv").read_text() == "old"


@pytest.mark.parametrize("bad", ["folder", "file/below", "gone/below", "loop", "x" * 300])
def test_what_cannot_be_written_is_named_with_its_option(tmp_path, bad):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("precious")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="--csv"):
        check_file(tmp_path / bad, "--csv")
    if bad in ("file/below", "x" * 300):
        with pytest.raises(InputError, match="--out"):
            check_folder(tmp_path / bad, "--out")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_permissions_count(tmp_path):
    (tmp_path / "folder").mkdir(mode=0o500)
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0o400)
    for path in (tmp_path / "folder" / "new", tmp_path / "file"):
        with pytest.raises(InputError, match="Permission denied"):
            check_file(path, "--csv")
    with pytest.raises(InputError, match="Permission denied"):
        check_folder(tmp_path / "folder" / "new", "--out")


# === Names ===


@pytest.mark.parametrize(
    "stem", ["x" * 300, "é" * 200, "部" * 100, "🔩" * 80, os.fsdecode(b"\xe9" * 300)], ids=range(5)
)
def test_a_name_is_cut_in_bytes_between_characters(stem):
    name = name_within(stem, ".png")
    size = len(os.fsencode(name))
    assert size <= 255 and size > 255 - 4
    assert stem.startswith(name.removesuffix(".png")) and name.endswith(".png")


def test_a_name_that_fits_stays():
    assert name_within("部品", ".png") == "部品.png"


@pytest.mark.parametrize("name", ["x" * 250 + ".json", "部" * 83 + ".json"], ids=range(2))
def test_files_of_the_longest_names_are_written_too(tmp_path, name):
    write_json(tmp_path / name, [1])
    assert [path.name for path in tmp_path.iterdir()] == [name]
