"""Shared by the tests of the detector: a small network, a small data set, and both computed by JAX elsewhere."""

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
import tensorflow as tf

from piade_tf.config import NetworkConfig
from piade_tf.data import DataSplits, LabelledSplit, Split
from piade_tf.model.losses import ReconstructionLoss
from piade_tf.model.network import build_network
from piade_tf.model.ssim import ssim_map
from piade_tf.scoring.parameters import scratch_parameters
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.scoring.scorer_file import write_scorer

ROOT = Path(__file__).parents[2]
WINDOW = 7

# Two stages, so that two feature maps of different size are compared.
SMALL = NetworkConfig(
    encoder="scratch",
    widths=(8, 16),
    squeeze_excitation=False,
    magnifications=(1, 2),
    capsule_dim=4,
    vector_dim=6,
    upsampling=(16,),
)
# One stage of two blocks: the cheapest to trace, for what is trained.
TINY = NetworkConfig(
    encoder="scratch", widths=(8,), stem_stride=4, magnifications=(1, 2), capsule_dim=4, vector_dim=6, upsampling=(8,)
)


@pytest.fixture(scope="session")
def small():
    return SMALL


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def randomize():
    return randomize_weights


def randomize_weights(network, seed=0):
    """Gives every weight a value that shows in the output, moving statistics too."""
    rng = np.random.default_rng(seed)
    network.set_weights(
        [
            rng.uniform(0.5, 2.0, w.shape) if w.name == "moving_variance" else rng.normal(0.0, 0.3, w.shape)
            for w in network.weights
        ]
    )
    return network


def make_images(count, seed, shape=(28, 28, 1)):
    """Blobs of changing size and place on noise, uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    row, column = rng.uniform(8, 20, (2, count, 1, 1))
    blobs = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / rng.uniform(10, 60, (count, 1, 1)))
    return (200 * blobs[..., None] + rng.uniform(0, 50, (count, *shape))).astype("uint8")


@pytest.fixture(scope="session")
def splits():
    """40 + 20 + 20 normal images and 8 + 5 to test on, 28x28."""
    normal, test = make_images(80, 0), make_images(13, 1)
    test[8:] = 255 - test[8:]
    parts = [Split(tf.data.Dataset.from_tensor_slices(part), len(part)) for part in np.split(normal, [40, 60])]
    labels = np.repeat([0, 1], [8, 5])
    labelled = LabelledSplit(
        tf.data.Dataset.from_tensor_slices(test),
        13,
        labels=labels,
        classes=np.array(["up", "down"])[labels],
        ids=np.arange(13).astype(str),
    )
    return DataSplits(*parts, labelled, "up", (28, 28, 1), "0" * 64)


@pytest.fixture(scope="session")
def photographs():
    """8 + 4 + 4 normal images of 64x64 in colour, and 4 to test on."""
    images = make_images(20, 6, (64, 64, 3))
    parts = [Split(tf.data.Dataset.from_tensor_slices(part), len(part)) for part in np.split(images[:16], [8, 12])]
    labelled = LabelledSplit(
        tf.data.Dataset.from_tensor_slices(images[16:]),
        4,
        labels=np.array([0, 0, 1, 1]),
        classes=np.array(["good", "good", "bad", "bad"]),
        ids=np.arange(4).astype(str),
    )
    return DataSplits(*parts, labelled, "good", (64, 64, 3), "0" * 64, "parts")


@pytest.fixture(scope="session")
def normal_images():
    """60 images to fit to and 20 to check with, float32 in [0, 1]."""
    return make_images(60, 2).astype("float32") / 255, make_images(20, 3).astype("float32") / 255


@pytest.fixture(scope="session")
def fitted(normal_images):
    """A network, its scorer fitted to normal images, and its inspection model."""
    network = randomize_weights(build_network(SMALL, 28, 28, 1))
    train, validation = normal_images
    scorer = ScoreSet(scratch_parameters(WINDOW))
    scorer.fit(network, np.split(train, 3), [validation])
    inspection = scorer.inspection_model(network, "combined")
    return SimpleNamespace(network=network, scorer=scorer, inspection=inspection, inspect=tf.function(inspection))


@pytest.fixture(scope="session")
def on_jax(made_once, fitted):
    """What a fresh process on JAX makes of the saved network and scorer, beside what TensorFlow makes of them."""

    def fill(folder):
        fitted.network.save(folder / "model.keras")
        write_scorer(fitted.scorer, folder / "scorer.npz")
        images = make_images(8, 4).astype("float32") / 255
        others = make_images(8, 5).astype("float32") / 255
        np.savez(folder / "inputs.npz", images=images, others=others)
        process = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("run_on_jax.py")), str(folder), str(WINDOW)],
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
            | {"XLA_FLAGS": "--xla_backend_optimization_level=0"},  # compiles in a third of the time
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert process.returncode == 0, process.stderr[-4000:]
        tensorflow = {
            "ssim": ssim_map(tf.constant(images), tf.constant(others), WINDOW),
            "loss": ReconstructionLoss(1.0, 0.5, WINDOW).call(images, others),
            **fitted.inspect(images),
        }
        np.savez(folder / "tensorflow.npz", **{name: np.asarray(value) for name, value in tensorflow.items()})

    folder = made_once("on_jax", fill)
    return SimpleNamespace(
        report=json.loads((folder / "report.json").read_text()),
        jax=dict(np.load(folder / "jax.npz")),
        tensorflow=dict(np.load(folder / "tensorflow.npz")),
    )
