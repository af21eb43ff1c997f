"""Shared by the tests of the layers: one case for each layer, and all cases saved and loaded elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from layers import DynamicRouting, LongestVector, PyramidPooling, SEBlock

ROOT = Path(__file__).parents[2]
BATCH = 3


class Case(NamedTuple):
    layer: type[keras.layers.Layer]
    arguments: dict
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]


CASES = {
    "se_block": Case(SEBlock, {"ratio": 4}, (6, 5, 12), (6, 5, 12)),
    "pyramid_pooling": Case(
        PyramidPooling, {"magnifications": (1, 2, 4), "capsule_dim": 6, "momentum": 0.8}, (7, 9, 24), (28, 6)
    ),
    "pyramid_pooling_without_grid": Case(
        PyramidPooling, {"magnifications": (1, 2, 4), "capsule_dim": 6, "grid": False}, (7, 9, 24), (7, 6)
    ),
    "dynamic_routing": Case(DynamicRouting, {"num_capsules": 3, "capsule_dim": 5, "iterations": 4}, (10, 4), (3, 5)),
    "longest_vector": Case(LongestVector, {}, (4, 6), (6,)),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture(scope="session")
def randomize():
    return randomize_weights


def randomize_weights(layer, seed=0):
    """Gives every weight a value that shows in the output, biases and moving statistics too."""
    rng = np.random.default_rng(seed)
    layer.set_weights(
        [
            rng.uniform(0.5, 2.0, w.shape) if w.name == "moving_variance" else rng.normal(0.0, 0.5, w.shape)
            for w in layer.weights
        ]
    )
    return layer


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A functional model of every case in two dtype policies, saved, with its inputs, outputs and configs."""
    folder = tmp_path_factory.mktemp("saved")
    inputs, outputs, arrays = {}, {}, {}
    for seed, (name, case) in enumerate(CASES.items()):
        for policy in ("float32", "mixed_float16"):
            key = f"{name}_{policy}"
            inputs[f"{key}_input"] = keras.Input(case.input_shape, name=f"{key}_input")
            layer = case.layer(**case.arguments, dtype=policy, name=key)
            outputs[key] = layer(inputs[f"{key}_input"])
            randomize_weights(layer, seed)
            arrays[f"{key}_input"] = (
                np.random.default_rng(seed).normal(size=(BATCH, *case.input_shape)).astype("float32")
            )
    model = keras.Model(inputs, outputs)
    model.save(folder / "model.keras")
    np.savez(folder / "inputs.npz", **arrays)
    return SimpleNamespace(
        folder=folder,
        inference={key: np.asarray(value) for key, value in model(arrays, training=False).items()},
        training={key: np.asarray(value) for key, value in model(arrays, training=True).items()},
        configs={key: json.loads(json.dumps(model.get_layer(key).get_config())) for key in outputs},
    )


@pytest.fixture(scope="session", params=["tensorflow", "jax"])
def reloaded(request, saved):
    """What a fresh process makes of the saved model on the named backend."""
    environment = {**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("load_and_run.py")), str(saved.folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr[-4000:]
    report = json.loads((saved.folder / f"{request.param}.json").read_text())
    return SimpleNamespace(
        backend=report["backend"],
        frameworks=report["frameworks"],
        configs=report["configs"],
        inference=dict(np.load(saved.folder / f"{request.param}_inference.npz")),
        training=dict(np.load(saved.folder / f"{request.param}_training.npz")),
    )
