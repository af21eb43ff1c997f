"""Which strategy is chosen, and that several devices, also those of several processes, learn what one learns."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from free_addresses import free_addresses

from piade_tf.config import DataConfig
from piade_tf.data.catalogue import side_of
from piade_tf.training.distribution import distribution_for

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

        monkeypatch.setattr(tf.config, "list_logical_devices", devices.__getitem__)
        monkeypatch.setattr(tf.distribute, "MirroredStrategy", Recorder)
        distribution_for(name)
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


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory):
    """What two devices learn, and one with the same images."""
    return of_devices(2, tmp_path_factory.mktemp("two_devices"))


def test_two_devices_give_the_losses_of_one(two_devices):
    assert two_devices["devices"] == 2
    learned_what_one_learns(two_devices, two_devices["one"])
    noisy = two_devices["noisy"]["loss"]
    assert np.isfinite(noisy).all() and noisy != two_devices["several"]["loss"]


def test_more_devices_give_the_losses_of_one(two_devices, tmp_path):
    report = of_devices(3, tmp_path)
    assert report["devices"] == 3
    learned_what_one_learns(report, two_devices["one"])


def test_moving_averages_become_the_mean_of_all_devices_of_a_process(two_devices):
    assert two_devices["averages"] == [5.5, 5.5]  # of 1 and 10


def of_devices(count, folder):
    process = started(folder / "report.json", str(count))
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-4000:]
    return json.loads((folder / "report.json").read_text())


def test_several_processes_give_the_losses_of_one(two_devices, tmp_path):
    count = 3  # the chief, another, and the last
    addresses = free_addresses(count)
    files = [tmp_path / f"{index}.json" for index in range(count)]
    processes = [
        started(
            file, TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        )
        for index, file in enumerate(files)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-4000:]
    reports = [json.loads(file.read_text()) for file in files]
    learned_what_one_learns(reports[0], two_devices["one"])
    for report in reports:
        assert (report["devices"], report["several"]) == (count, reports[0]["several"])
    # What each has to say comes to all, in order.
    values = [np.random.default_rng(index).normal(size=(4, 3)) for index in range(count)]
    told = [{}, *({"a/b": ["float64", [index, 3]], "flags": ["bool", [1]]} for index in range(1, count))]
    for report in reports:
        np.testing.assert_allclose(report["averages"], [sum(10**index for index in range(count)) / count])
        np.testing.assert_allclose(report["sum"], sum(values))
        assert (report["told"], report["nothing"]) == (told, [0, 3])


def started(file, *arguments, **variables):
    script = Path(__file__).with_name("run_distributed.py")
    return subprocess.Popen(
        [sys.executable, str(script), str(file), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "piade_tf")]), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def learned_what_one_learns(report, one):
    several = report["several"]
    assert set(one) == set(several)
    for name in one:
        np.testing.assert_allclose(several[name], one[name], rtol=1e-4, err_msg=name)
    assert one["loss"][-1] < one["loss"][0]


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
