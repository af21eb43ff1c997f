"""Shared by the tests of several rooms: a small run on handwritten digits, trained and exported by train.py."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from filelock import FileLock
from longest_files import LONGEST

# A shell has what it starts in the background ignore SIGINT, and all that is started by that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
# Of one vector: those of two in so small a network are of nearly equal length, and integers choose the other one.
SMALL = [
    *("--network.widths", "8", "16", "--network.magnifications", "1", "2"),
    *("--network.vector-dim", "8", "--network.num-vectors", "1"),
]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def run_python(*words, cwd=ROOT, check=True):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def python():
    return run_python


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """From a name and what fills an empty folder to that folder, filled by one of the processes that test side by side.

    The others wait for it. Nobody may change what is in it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name, fill):
        folder, done = shared / "made_once" / name, shared / "made_once" / f"{name}.done"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one that failed
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def exported(made_once):
    """A finished run: `run`, its `folder` of exports, the `manifest`, and what train.py printed and complained of."""

    def fill(runs):
        options = ("--epochs", "30", "--no-tensorboard", "--runs-dir", runs, "--name", "digits")
        done = run_python("train.py", *options, *SMALL)
        said = {"printed": done.stdout, "complaints": done.stderr}
        (runs / "said.json").write_text(json.dumps(said), encoding="utf-8")

    runs = made_once("runs", fill)
    folder = runs / "digits" / "export"
    manifest, said = (
        json.loads(file.read_text(encoding="utf-8")) for file in (folder / "manifest.json", runs / "said.json")
    )
    return SimpleNamespace(run=runs / "digits", folder=folder, manifest=manifest, **said)


@pytest.fixture(scope="session")
def serving():
    """Starts `piade serve` on a run, for a `with` statement: gives the address, and ends the server with it."""

    @contextlib.contextmanager
    def served(run, *options):
        pytest.importorskip("uvicorn")
        command = [sys.executable, "-m", "piade_tf", "serve", str(run), "--port", "0", *map(str, options)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline()
                yield re.search(r"http://\S+", line)[0]
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(20)

    return served
