"""Which strategy is chosen, and that two devices learn what one learns."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import DataConfig
from piade_tf.data.catalogue import side_of
from piade_tf.training.distribution import strategy_scope

ROOT = Path(__file__).parents[3]


@pytest.fixture
def chosen(monkeypatch):
    """The devices that a MirroredStrategy was asked for, on a machine with the given devices."""

    def choose(name, gpus, cpus=1):
        devices = {
            kind: [SimpleNamespace(name=f"/{kind}:{i}") for i in range(count)]
            for kind, count in (("GPU", gpus), ("CPU", cpus))
        }
        asked = []

        class Recorder:
            def __init__(self, devices):
                asked.extend(devices)

            def scope(self):
                return tf.name_scope("scope")

        monkeypatch.setattr(tf.config, "list_logical_devices", devices.__getitem__)
        monkeypatch.setattr(tf.distribute, "MirroredStrategy", Recorder)
        with strategy_scope(name):
            return asked

    return choose


@pytest.mark.parametrize(
    "name, gpus, cpus, devices",
    [
        ("none", 4, 2, []),
        ("auto", 0, 2, []),
        ("auto", 1, 1, []),
        ("auto", 2, 1, ["/GPU:0", "/GPU:1"]),
        ("mirrored", 2, 1, ["/GPU:0", "/GPU:1"]),
        ("mirrored", 1, 2, ["/GPU:0"]),
        ("mirrored", 0, 2, ["/CPU:0", "/CPU:1"]),
    ],
)
def test_the_strategy_takes_the_devices_that_its_name_says(chosen, name, gpus, cpus, devices):
    assert chosen(name, gpus, cpus) == devices


def test_two_devices_give_the_losses_of_one(tmp_path):
    script = Path(__file__).with_name("run_distributed.py")
    process = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "report.json")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "piade_tf")])},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert process.returncode == 0, process.stderr[-4000:]
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["none"]["replicas"], report["mirrored"]["replicas"]) == (1, 2)
    one, two = report["none"]["history"], report["mirrored"]["history"]
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, err_msg=name)
    assert one["loss"][-1] < one["loss"][0]
    noisy = report["noisy"]["history"]["loss"]
    assert np.isfinite(noisy).all() and noisy != two["loss"]


@pytest.mark.parametrize(
    "data, side",
    [
        (DataConfig("digits"), 32),
        (DataConfig("fashion_mnist"), 28),
        (DataConfig("fashion_mnist", image_size=(128,)), 128),
        (DataConfig("folder"), 256),
        (DataConfig("folder", image_size=(32, 48)), 32),
        (DataConfig("mvtec", image_size=(156,), crop=(56,)), 56),
        (DataConfig("tfds:cars"), None),
    ],
)
def test_the_side_of_images_is_known_from_the_options_or_the_data_set(data, side):
    assert side_of(data) == side
