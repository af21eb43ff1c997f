"""The line that says what a training runs on."""

import pytest
import tensorflow as tf

from piade_tf.training import devices
from piade_tf.training.devices import describe_devices


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: ["one", "two"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _gpu: {"device_name": "Card 9000"})
    assert "2 x Card 9000" in describe_devices()


@pytest.mark.parametrize("with_cuda, named", [(False, "built without CUDA"), (True, "CUDA_VISIBLE_DEVICES")])
def test_a_gpu_that_is_not_used_is_told_with_the_reason(monkeypatch, with_cuda, named):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    monkeypatch.setattr(devices, "_has_nvidia_gpu", lambda: True)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: with_cuda)
    line = describe_devices()
    assert named in line and "tensorflow[and-cuda]" in line and "\n" not in line


def test_a_machine_without_one_is_not_blamed(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    monkeypatch.setattr(devices, "_has_nvidia_gpu", lambda: False)
    assert describe_devices() == "Running on the CPU."
