"""This project's part of benchmarks/speed.py, one network in a process of its own.

    python benchmarks/speed_ours.py NETWORK FOLDER

NETWORK is a number in `NETWORKS`, FOLDER where exported files are put. Weights and images are random, and the
statistics of the scores are those of random images: times do not depend on them.
"""

import dataclasses
import functools
import importlib.metadata
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from benchmarks.network_cost import multiply_adds, multiply_adds_of
from benchmarks.speed_networks import (
    LEARNING_RATE,
    NETWORKS,
    POOL,
    SEED,
    WARM_UP_STEPS,
    WITHOUT_ONEDNN,
    Network,
    median_seconds,
    serve,
)
from export.builder import SIGNATURE, Builder, QuantizedKind
from export.quantization.post_training import quantize
from export.saved_model import write_saved_model
from export.tflite.convert import to_litert
from export.verification.verify import load_litert
from piade_tf.config import Config
from piade_tf.data import DataSplits, Split, arrays, batches
from piade_tf.data.division import divide
from piade_tf.data.preparation import Preparation
from piade_tf.model.network import LEVELS, POOLED, build_network, pooled_map
from piade_tf.model.presets import preset_config
from piade_tf.pixels import to_bytes, to_unit
from piade_tf.scoring.parameters import parameters_for
from piade_tf.training.distribution import share_threads
from piade_tf.training.feature_cache import with_features
from piade_tf.training.fit_scores import fit_scores
from piade_tf.training.schedule import NOISE, Schedule
from piade_tf.training.trainer import build_trainer, make_reproducible

PRODUCT = 2048  # rows and columns of the matrices whose product is the ceiling
REPRESENTATIVE = 8  # images for the ranges of activations
QUANTIZED: dict[str, QuantizedKind] = {"dynamic_int8": "weights", "int8": "static"}


class Ours:
    """Answers for one network."""

    def __init__(self, network: Network, folder: Path):
        self.of, self.folder = network, folder
        self.calls: dict[str, Callable[[], Any]] = {}
        self.warm_up = math.nan

    # === Training ===

    def prepare_training(self, **changed: Any) -> dict[str, Any]:
        """Parameters that are trained, and multiply-adds of a step; options of the training that are `changed`."""
        share_threads(self.of.side)
        make_reproducible(SEED)
        data, config = random_data(self.of), self._config()
        values = {"batch_size": self.of.batch, "learning_rate": LEARNING_RATE, "rotation": 0.0, "seed": SEED}
        options = dataclasses.replace(config.training, **values | changed)
        pretrained = self.of.encoder != "scratch"
        schedule = Schedule.of(options, POOL, data.kind, pretrained)
        self.trainer = build_trainer(config.network, config.loss, options, schedule, data)
        if pretrained:
            kept = with_features(self.trainer.network, data.train, self.of.batch, SEED)
            assert kept is not None
            self.batches = kept(None).repeat()
        else:
            images = Split(data.train.images.repeat(), POOL)
            self.batches = batches(images, self.of.batch, shuffle_seed=SEED)
        signature = keras.tree.map_structure(
            lambda spec: tf.TensorSpec((self.of.batch, *spec.shape[1:]), spec.dtype), self.batches.element_spec
        )
        step = tf.function(lambda batch: self.trainer.train_step((batch,)))
        weights = sum(math.prod(weight.shape) for weight in self.trainer.trainable_weights)
        return {"parameters": weights, "multiply_adds": multiply_adds_of(step.get_concrete_function(signature).graph)}

    def train(self, steps: int) -> float:
        """Seconds of a step, the loss read after each execution; `warm_up` is then how many the first steps took."""
        times: dict[int, float] = {}  # at the end of an execution, by the steps done

        class Stopwatch(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                float(logs["loss"])
                times[batch + 1] = time.perf_counter()

        whole, start = WARM_UP_STEPS + steps, time.perf_counter()
        self.trainer.fit(self.batches, steps_per_epoch=whole, callbacks=[Stopwatch()], shuffle=False, verbose=0)
        self.warm_up = times[WARM_UP_STEPS] - start
        return (times[whole] - times[WARM_UP_STEPS]) / steps

    # === Inference ===

    def export(self, batch: int, scored: bool) -> dict[str, Any]:
        """Writes the files `network-NAME`, of the network alone, and where `scored` the files `scored-NAME`.

        Those of the score are not fitted again to the quantized network, which takes long and changes no time.
        Answers with all names, and with the parameters and multiply-adds of the network.
        """

        network, data, config = self._alone(), random_data(self.of), self._config()
        pretrained = self.of.encoder != "scratch"

        @tf.function(input_signature=[tf.TensorSpec((batch, *self.of.shape), tf.uint8, name="image")])
        def inspect(image):
            with tf.name_scope("network"):
                outputs = network(to_unit(image), training=False)
            return {"reconstruction": to_bytes(outputs["reconstruction"]), "latent": outputs["latent"]}

        saved = write_saved_model(self.folder / "network-saved_model", inspect)
        images = data.train.images.take(batch * REPRESENTATIVE).repeat().batch(batch).take(REPRESENTATIVE)
        files = {"network-float32": to_litert(saved, SIGNATURE), "network-float16": to_litert(saved, SIGNATURE, True)}
        for name, kind in QUANTIZED.items():
            files[f"network-{name}"] = quantize(
                files["network-float32"], kind, images.as_numpy_iterator(), SIGNATURE, pretrained
            )
        if scored:
            whole = self._whole()
            parameters = parameters_for(config.network.encoder, config.loss.ssim_window, data.kind)
            scorer = fit_scores(whole, parameters, data, "none", SEED)
            builder = Builder(whole, scorer, config.score, data, "none", SEED, batch, self.folder)
            builder.saved_model(self.folder / "scored-saved_model", any_size=False)
            files |= {f"scored-{name}": builder.litert(name) for name in ("float32", "float16", "int8_full")}
            for name, kind in QUANTIZED.items():
                files[f"scored-{name}"] = builder.quantized(whole, scorer, kind)
        for name, content in files.items():
            (self.folder / f"{name}.tflite").write_bytes(content)
        weights = [weight for weight in network.weights if weight.dtype == "float32" and "moving_" not in weight.path]
        return {
            "files": list(files),
            "parameters": sum(math.prod(weight.shape) for weight in weights),
            "multiply_adds": batch * multiply_adds(network),
        }

    def prepare_tensorflow(self, batch: int, scored: bool) -> list[str]:
        """Loads what TensorFlow runs; answers with its names."""

        one_thread()
        model = self._alone()
        floats = tf.constant(self._pixels(batch) / np.float32(255))
        traced = tf.function(lambda images: model(images, training=False))
        self.calls = {
            "network-keras": lambda: as_arrays(model(floats, training=False)),
            "network-tf.function": lambda: as_arrays(traced(floats)),
        }
        self._load_saved_models(batch, scored)
        return list(self.calls)

    def prepare_saved_model(self, batch: int, scored: bool) -> list[str]:
        """Loads the SavedModels alone, in a process without oneDNN; answers with names that say so."""

        one_thread()
        self._load_saved_models(batch, scored, WITHOUT_ONEDNN)
        return list(self.calls)

    def prepare_litert(self, batch: int, files: list[str]) -> None:
        """Loads files on one thread."""

        pixels = self._pixels(batch)
        for name in files:
            self.calls[name] = functools.partial(load_litert(self.folder / f"{name}.tflite", 1), pixels)

    def prepare_product(self, threads: int) -> None:
        """The product of two large matrices, on one thread or on as many as TensorFlow likes (0)."""

        if threads:
            one_thread()
        matrix = tf.random.stateless_normal((PRODUCT, PRODUCT), [SEED, 0])
        self.calls["product"] = lambda: tf.matmul(matrix, matrix).numpy()

    def time(self, candidate: str) -> float:
        """Seconds of a call."""
        return median_seconds(self.calls[candidate])

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "ai-edge-litert")}

    def describe(self) -> dict[str, Any]:
        """What PyTorch's worker has to know."""
        config = self._config()
        return {
            "network": dataclasses.asdict(config.network),
            "loss": dataclasses.asdict(config.loss),
            "noise": 0.0 if self.of.encoder != "scratch" else NOISE,
            "shape": self.of.shape,
            "pretrained": self.of.encoder != "scratch",
        }

    def _config(self) -> Config:
        config = preset_config(self.of.preset)
        network = dataclasses.replace(config.network, encoder=self.of.encoder, encoder_weights="random")
        return dataclasses.replace(config, network=network.for_image(*self.of.shape[:2]))

    def _whole(self) -> Any:

        return build_network(self._config().network, *self.of.shape)

    def _alone(self) -> Any:
        """The network without what only scores look at, such as the end of a pretrained encoder."""
        whole = self._whole()
        outputs = {name: whole.output[name] for name in ("reconstruction", "latent")}
        if self.of.encoder == "scratch":
            return keras.Model(whole.input, outputs)
        encoder = whole.get_layer(self.of.encoder)
        cut = keras.Model(encoder.input, encoder.output[LEVELS[POOLED]], name=encoder.name)
        behind = keras.Model(pooled_map(whole), outputs, name="behind")
        image = keras.Input(self.of.shape, name="image")
        return keras.Model(image, behind(cut(image)))

    def _load_saved_models(self, batch: int, scored: bool, ending: str = "") -> None:
        for name in ("network-saved_model", *(["scored-saved_model"] if scored else [])):
            self.calls[name + ending] = saved_model(self.folder / name / "1", self._pixels(batch))

    def _pixels(self, batch: int) -> np.ndarray:
        return np.random.default_rng(SEED).integers(0, 256, (batch, *self.of.shape), "uint8")


def random_data(network: Network) -> DataSplits:
    """As many images for each purpose."""

    images = np.random.default_rng(SEED).integers(0, 256, (POOL, *network.shape), "uint8")
    labelled = arrays.LabelledImages(images, np.zeros(POOL, "int64"))
    source = arrays.one_class_source(labelled, labelled, ("random",), "random", "random images")
    data = divide(source, Preparation(network.shape[:2], channels=network.channels), SEED)
    train = Split(tf.data.Dataset.from_tensor_slices(images), POOL)
    return dataclasses.replace(data, train=train, kind="classes" if network.encoder == "scratch" else "parts")


def saved_model(version: Path, pixels: np.ndarray) -> Callable[[], Any]:
    """A call of its signature."""
    model = tf.saved_model.load(str(version))
    inspect = model.signatures["inspect"]
    images = tf.constant(pixels)
    return lambda model=model: as_arrays(inspect(image=images))  # its signature does not keep it alive


def one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def as_arrays(outputs: dict[str, Any]) -> list[np.ndarray]:
    return [values.numpy() for values in outputs.values()]


if __name__ == "__main__":
    ours = Ours(NETWORKS[int(sys.argv[1])], Path(sys.argv[2]))
    names = ("versions", "describe", "prepare_training", "train", "export", "prepare_tensorflow", "prepare_saved_model",
             "prepare_litert", "prepare_product", "time")  # fmt: skip
    serve({name: getattr(ours, name) for name in names})
