"""A run changes as a whole: killed at any moment it is the old one or the new one, and only one process changes it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from piade_tf.errors import InputError
from piade_tf.file_set import READY, finish, is_unfinished, remove_with, replacing_together
from piade_tf.files import replacing
from piade_tf.run_lock import HOLDER, changing, complete

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "export").mkdir()
    for name in ("threshold.json", "export/manifest.json", "mistakes.png"):
        (tmp_path / name).write_text("old")
    return tmp_path


def contents(folder):
    hidden = (".lock", HOLDER)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in hidden]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


OLD = {"threshold.json": "old", "export/manifest.json": "old", "mistakes.png": "old"}
NEW = {"threshold.json": "new", "export/manifest.json": "new"}


def fill(new):
    (new / "export").mkdir()
    (new / "threshold.json").write_text("new")
    (new / "export/manifest.json").write_text("new")
    remove_with(new, "mistakes.png")


def test_all_files_are_replaced_and_nothing_else_is_left(folder):
    with replacing_together(folder) as new:
        fill(new)
        assert contents(folder).items() >= OLD.items()
    assert contents(folder) == NEW


def test_a_failure_before_all_is_ready_leaves_the_old(folder):
    with pytest.raises(RuntimeError), replacing_together(folder) as new:
        fill(new)
        raise RuntimeError
    assert contents(folder) == OLD


KILLED = """
import os, sys
from pathlib import Path
from piade_tf import file_set
from piade_tf.run_lock import changing
folder, moves = Path(sys.argv[1]), int(sys.argv[2])
replace = os.replace
def replace_and_die(source, target):
    global moves
    if not moves:
        os._exit(9)
    moves -= 1
    replace(source, target)
file_set.os.replace = replace_and_die
with changing(folder, "piade threshold"), file_set.replacing_together(folder) as new:
    (new / "export").mkdir()
    (new / "threshold.json").write_text("new")
    (new / "export/manifest.json").write_text("new")
    file_set.remove_with(new, "mistakes.png")
"""


def kill_after(folder, moves):
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(moves)], cwd=ROOT)
    assert done.returncode == 9


@pytest.mark.parametrize("moves, expected", [(0, OLD), (1, NEW), (2, NEW)])
def test_killed_at_any_moment_it_is_the_old_or_the_new_for_whoever_comes_next(folder, capsys, moves, expected):
    kill_after(folder, moves)
    assert is_unfinished(folder) == bool(moves)
    with changing(folder, "piade export"):
        found = {name: text for name, text in contents(folder).items() if not name.startswith(".new.")}
        assert found == expected
    said = capsys.readouterr().out
    assert "piade threshold" in said and str(folder) in said
    assert not (folder / HOLDER).exists()


def test_who_only_reads_completes_it_too(folder):
    kill_after(folder, 2)
    complete(folder)
    assert contents(folder) == NEW and not (folder / READY).exists() and not finish(folder)


def test_a_second_process_is_told_who_is_at_work(folder):
    script = "from pathlib import Path; import sys; from piade_tf.run_lock import changing\n"
    script += "with changing(Path(sys.argv[1]), 'piade export'): print('in')"
    with changing(folder, "piade threshold"):
        done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, capture_output=True, text=True)
        about = json.loads((folder / HOLDER).read_text())
    assert done.returncode and f"piade threshold (process {os.getpid()}" in done.stderr
    assert about["process"] == str(os.getpid())
    with changing(folder, "piade export"):
        pass


def test_temporary_files_are_removed_when_nobody_can_be_writing_them_any_more(folder):
    """`evaluate` and `predict` write into a run without its lock."""
    (folder / "evaluations").mkdir()
    left = folder / "evaluations" / ".7-0123abcd.png"
    left.write_text("half of")
    os.utime(left, (0, 0))
    with replacing(folder / "evaluations" / "report.html") as temporary:
        temporary.write_text("whole")
        with changing(folder, "piade threshold"):
            assert not left.exists()
    assert (folder / "evaluations" / "report.html").read_text() == "whole"


def test_a_run_that_cannot_be_written_is_one_line(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("piade_tf.run_lock.FileLock.acquire", refuse)
    with pytest.raises(InputError, match="Permission denied"), changing(folder, "piade threshold"):
        pass


def test_a_disk_that_is_full_already_is_one_line(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="cannot change .*No space left"), changing(folder, "piade threshold"):
        pass
