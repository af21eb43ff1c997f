"""Shared by the tests of the export: the run on digits, and what it says of its test images."""

import os
import shutil
from types import SimpleNamespace

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from piade_tf.run_lock import HOLDER


@pytest.fixture
def run(exported, tmp_path):
    """A copy of the exported run to do as one likes with, without the note of who looks at the run just now."""
    return shutil.copytree(exported.run, tmp_path / "digits", ignore=shutil.ignore_patterns(HOLDER))


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
