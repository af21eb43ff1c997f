"""What a message tells the user to type is what works where they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from piade_tf.cli.main import COMMANDS
from piade_tf.program import COMMANDS as NAMES
from piade_tf.program import as_typed_here, command, install_extra, path_word, shell_line

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "started, train, predict",
    [
        ("/usr/local/bin/piade", "piade train", "piade predict"),
        ("/clone/train.py", "python train.py", "python -m piade_tf predict"),
        ("/clone/piade_tf/__main__.py", "python -m piade_tf train", "python -m piade_tf predict"),
        ("/clone/export/__main__.py", "python -m piade_tf train", "python -m piade_tf predict"),
        ("/lib/pytest/__main__.py", "piade train", "piade predict"),
        ("", "piade train", "piade predict"),
    ],
)
def test_a_command_is_named_as_the_program_was_started(monkeypatch, started, train, predict):
    monkeypatch.setattr(sys, "argv", [started])
    assert (command("train"), command("predict")) == (train, predict)
    assert as_typed_here("piade train --seed 3, piade trainer") == f"{train} --seed 3, piade trainer"


def test_it_knows_every_command():
    assert set(NAMES) == set(COMMANDS)


def test_the_help_in_a_clone_shows_what_can_be_typed_there():
    process = subprocess.run([sys.executable, "train.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.startswith("usage: python train.py ")
    assert "python train.py --preset paper" in process.stdout and "piade train" not in process.stdout


# === Words for a shell ===

ODD = [
    *("plain", "a b", "it's", "zeile\n2", "tab\t", '$HOME `ls` "x" \\', "検査 é", "cafe\u0301", "~", "#1", "\x1b[31m"),
    *map(os.fsdecode, (b"caf\xe9a", b"\xff\xfe'\\")),
]


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_a_shell_reads_every_name_as_it_is():
    line = shell_line(["printf", r"%s\0", *ODD])
    assert line.isprintable()
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == ODD


def test_a_path_is_never_an_option():
    assert path_word("-v.png") == "./-v.png" and path_word(Path("-my run")) == "'./-my run'"
    assert path_word("-") == "-" and path_word("runs/-x") == "runs/-x"


@pytest.mark.parametrize(
    "started, command",
    [
        ("/usr/bin/piade", "pip install 'piade-tf[serve]'"),
        ("piade_tf/__main__.py", f"pip install -r {ROOT / 'requirements-serve.txt'}"),
        ("train.py", f"pip install -r {ROOT / 'requirements-serve.txt'}"),
    ],
)
def test_an_extra_is_installed_by_what_works_there_and_in_any_folder(monkeypatch, started, command):
    monkeypatch.setattr(sys, "argv", [started])
    assert install_extra("serve") == command
    assert (ROOT / "requirements-serve.txt").is_file()
