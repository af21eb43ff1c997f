"""What a message tells the user to type is what works where they are."""

import subprocess
import sys
from pathlib import Path

import pytest

from piade_tf.cli.main import COMMANDS
from piade_tf.program import COMMANDS as NAMES
from piade_tf.program import as_typed_here, command

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
