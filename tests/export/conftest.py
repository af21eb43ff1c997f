"""Shared by the tests of the export: a small run on handwritten digits, trained and exported by train.py."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# Of one vector: those of two in so small a network are of nearly equal length, and integers choose the other one.
SMALL = [
    *("--network.widths", "8", "16", "--network.magnifications", "1", "2"),
    *("--network.vector-dim", "8", "--network.num-vectors", "1"),
]


def run_python(*words, cwd=ROOT, check=True):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def python():
    return run_python


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A finished run: `run`, its `folder` of exports, the `manifest`, and what train.py printed and complained of."""
    runs = tmp_path_factory.mktemp("runs")
    options = ("--epochs", "30", "--no-tensorboard", "--runs-dir", runs, "--name", "digits")
    done = run_python("train.py", *options, *SMALL)
    folder = runs / "digits" / "export"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    said = {"printed": done.stdout, "complaints": done.stderr}
    return SimpleNamespace(run=runs / "digits", folder=folder, manifest=manifest, **said)


@pytest.fixture(scope="session")
def scores(exported):
    """`pred_score` and `gt_label` of the test images, from scores.csv."""
    table = np.genfromtxt(exported.run / "scores.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    return SimpleNamespace(pred_score=table["pred_score"], label=table["gt_label"])


@pytest.fixture(scope="session")
def test_images():
    """The test images of the run, `(n, 32, 32, 1)`, uint8."""
    from piade_tf.config import DataConfig
    from piade_tf.data import load_data

    return np.concatenate(list(load_data(DataConfig(), 0).test.images.batch(64).as_numpy_iterator()))
