"""What TensorBoard shows of a training and of its result: `tensorboard --logdir runs`."""

import contextlib
import dataclasses
import math
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.metrics import roc_auc_score
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.pr_curve import summary as pr_curve_summary

from piade_tf.data import DataSplits
from piade_tf.data.reading import images_at
from piade_tf.data.splits import all_normal
from piade_tf.evaluation.picked_examples import EXAMPLES, pick_indices
from piade_tf.evaluation.results import Results
from piade_tf.pixels import to_bytes, to_unit
from piade_tf.report.map_scale import spread
from piade_tf.report.palette import MAPS
from piade_tf.scoring.reconstruction_score import ReconstructionScore
from piade_tf.training.schedule import Schedule

RESULT_SUFFIX = ".result"  # of the event file
ROUNDS = 10  # of images, histograms and the watched AUROC, at most
TIME_SHARE = 0.04  # of the training: a round that would take the log above it waits
WATCHED = 128  # images of a kind, for histograms and the watched AUROC
KINDS = ("normal", "anomalous")  # the place is the label
BATCH_PIXELS = 1 << 17  # of the images looked at together, where that is more than a batch of the training
TILE, GAP = 112, 4  # pixels in a picture of examples: least height of an image, space between two
METRICS = ("image_AUROC", "image_AUPR", "image_F1Max", "val_loss")  # by which the HParams tab compares runs
FIRST = ("dataset", "normal_class", "epochs", "learning_rate", "seed")  # options to which the HParams tab is opened
TERMS = {
    "loss/total": "The weighted sum of the terms.",
}
RESULT = "Of all test images, by the finished detector; the steps say nothing."
WATCH_ONLY = "Of test images, for watching only: neither early stopping nor the choice of the weights knows it."


class TensorBoardLog(keras.callbacks.Callback):
    """Writes a training into `folder`: losses into `train` and `validation`, the rest into `folder` itself.

    Scalars are written every epoch. Images, histograms and the AUROC of the reconstruction score on a sample of the
    test images are written after the first epoch, and then up to `ROUNDS` times in all as far as the whole log stays
    below `TIME_SHARE` of the time. The step is the number of epochs done. Draws no number from the global generators.

    Args:
        folder: for the event files, made where it is missing.
        options: those that matter to the result, by name; see `options_by_name`.
        schedule: of the training.
        data: the splits.
        ssim_window: side of the SSIM window in pixels.
        seed: of the images that are shown.
        done: epochs that an earlier process has logged, in the same folder; see `cut_log`.

    Attributes:
        seconds: spent in this callback so far.
    """

    def __init__(
        self,
        folder: Path,
        options: dict[str, bool | float | str],
        schedule: Schedule,
        data: DataSplits,
        ssim_window: int,
        seed: int,
        done: int = 0,
    ):
        super().__init__()
        self._before = done
        self.folder, self.options, self.data = folder, options, data
        self.ssim_window, self.seed = ssim_window, seed
        self._schedule = schedule
        self.seconds = 0.0

    def on_train_begin(self, logs=None):
        self._start = time.perf_counter()
        apart = math.ceil(self._schedule.epochs / ROUNDS)
        self._next_round, self._round_seconds = 1 + apart * math.ceil(self._before / apart), 0.0
        with self._measured():
            self._root, self._train, self._validation = (
                tf.summary.create_file_writer(str(self.folder / name)) for name in ("", "train", "validation")
            )
            self._inspect = _reconstruction_inspection(self.model.network, self.ssim_window)
            self._choose_images()
            if not self._before:
                self._write_options()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._epoch_start, self._not_timed = epoch, time.perf_counter(), 0

    def on_train_batch_end(self, batch, logs=None):
        if self._epoch == self._before and not self._not_timed:  # the first execution is mostly compilation
            self._epoch_start, self._not_timed = time.perf_counter(), batch + 1

    def on_test_begin(self, logs=None):
        self._train_end = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        with self._measured():
            self._write_scalars(done, logs)
            if done >= self._next_round and (done == 1 or self._affordable()):
                before = time.perf_counter()
                self._write_round(done)
                if not self._round_seconds:
                    # Traced at its next call: a training with one round cannot afford it, one with many is glad of it.
                    self._inspect = _traced(self._inspect, self.model.network)
                self._next_round = done + math.ceil(self._schedule.epochs / ROUNDS)
                self._round_seconds = time.perf_counter() - before
            for writer in (self._root, self._train, self._validation):
                writer.flush()

    def on_train_end(self, logs=None):
        for writer in (self._root, self._train, self._validation):
            writer.close()

    @contextlib.contextmanager
    def _measured(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start

    def _affordable(self) -> bool:
        return self.seconds + self._round_seconds <= TIME_SHARE * (time.perf_counter() - self._start)

    def _write_options(self) -> None:
        options = self.options
        with self._root.as_default(step=0):
            tf.summary.text("options", _markdown_table(options))
            _write_summary(_experiment(options))
            _write_summary(hparams_summary.session_start_pb(options))
            tf.summary.graph(layer_graph(self.model.network))
        self._root.flush()

    def _choose_images(self) -> None:
        """Reads the images of every round: examples, as in the figures, and those watched."""
        test, seed = self.data.test, self.seed
        if not test.count:
            test = all_normal(self.data.validation, self.data.normal_class)
        shown = pick_indices(test, EXAMPLES, seed)
        order = np.random.default_rng(seed).permutation(test.count)
        watched = np.concatenate([order[test.labels[order] == label][:WATCHED] for label in range(len(KINDS))])
        images = images_at(test, np.concatenate([shown, watched]))
        self._shown, self._watched = np.split(images, [len(shown)])
        self._shown_labels, self._watched_labels = test.labels[shown], test.labels[watched]
        held_out = self.data.validation
        self._held_out = images_at(held_out, np.arange(min(WATCHED, held_out.count)))

    def _write_scalars(self, done: int, logs: dict[str, float]) -> None:
        for writer, prefix in ((self._train, ""), (self._validation, "val_")):
            with writer.as_default(step=done):
                for name in [name for name in logs if name.startswith("val_") == bool(prefix)]:
                    tag = "loss/" + name.removeprefix(prefix).replace("loss", "total")
                    tf.summary.scalar(tag, logs[name], description=TERMS.get(tag))
        with self._train.as_default(step=done):
            tf.summary.scalar("training/learning_rate", self.model.optimizer.learning_rate)
            images = self.data.train.count - self._not_timed * self._schedule.batch_size
            if images > 0:
                speed = images / (self._train_end - self._epoch_start)
                tf.summary.scalar("training/images_per_second", speed, description="Without validation and this log.")

    def _write_round(self, done: int) -> None:
        shown = self._outputs(self._shown, ("image", "reconstruction", "anomaly_map"))
        seen = self._outputs(np.concatenate([self._watched, self._held_out]), ("pred_score", "vector_lengths"))
        if not np.isfinite(seen["pred_score"]).all() or not np.isfinite(shown["anomaly_map"]).all():
            return  # diverged: there is nothing to see, and no AUROC
        watched_scores = seen["pred_score"][: len(self._watched)]
        held_out_lengths = seen["vector_lengths"][len(self._watched) :]
        with self._root.as_default(step=done):
            pictures = _pictures(self._shown_labels, shown["image"], shown["reconstruction"], shown["anomaly_map"])
            for kind, picture in pictures.items():
                _write_png(f"examples/{kind}", _encode(picture), "Image, reconstruction, error (MSE + 1 - SSIM).")
            for label, kind in enumerate(KINDS):
                scores = watched_scores[self._watched_labels == label]
                if len(scores):
                    tf.summary.histogram(f"watch_only_reconstruction_score/{kind}", scores, description=WATCH_ONLY)
            if len(np.unique(self._watched_labels)) == len(KINDS):
                auroc = roc_auc_score(self._watched_labels, watched_scores)
                tf.summary.scalar("watch_only/image_AUROC_reconstruction", auroc, description=WATCH_ONLY)
        with self._validation.as_default(step=done):
            for number, lengths in enumerate(held_out_lengths.T, start=1):
                tf.summary.histogram(f"instantiation_vector_length/vector_{number}", lengths)

    def _outputs(self, images: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        """What the network makes of uint8 images `(n, height, width, channels)` by now."""
        size = max(self._schedule.batch_size, BATCH_PIXELS // math.prod(images.shape[1:3]))
        parts = [self._inspect(images[i : i + size]) for i in range(0, max(1, len(images)), size)]
        return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in names}


def log_result(
    folder: Path,
    metrics: dict[str, Any],
    history: dict[str, list[float]],
    labels: np.ndarray,
    results: Results,
    figures: Path,
) -> None:
    """Writes what a finished run is worth: metrics, examples, score histograms, the curves.

    Args:
        folder: as the `TensorBoardLog` of the run had it.
        metrics: as in `metrics.json`; those that are None are left out.
        history: a value an epoch by name, as `fit` returns it.
        labels: `(images,)` of the test images, 0 normal and 1 anomalous.
        results: the scores of the same images, and examples with the anomaly maps of the score that decides.
        figures: folder of the PNG files to show.
    """
    labels, scores, examples = np.asarray(labels), results.scored.pred_score, results.examples
    for earlier in folder.glob(f"*{RESULT_SUFFIX}"):  # of a process that was killed
        earlier.unlink()
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=RESULT_SUFFIX)
    with writer.as_default(step=len(history["loss"])):
        values = _plain_metrics(metrics) | {"val_loss": min(history["val_loss"])}
        for name in METRICS:
            if values.get(name) is not None:
                tf.summary.scalar(f"result/{name}", values[name])
        tf.summary.text("metrics", _markdown_table(values))
        images = (examples.images, examples.reconstructions, examples.anomaly_maps)
        for kind, picture in _pictures(examples.labels, *images).items():
            _write_png(f"examples_anomaly_map/{kind}", _encode(picture), "Image, reconstruction, anomaly map.")
        for label in np.unique(labels):
            for step in (0, len(history["loss"])):  # the Distributions tab draws nothing of a single step
                name = f"result_score/{KINDS[label]}"
                tf.summary.histogram(name, scores[labels == label], step, description=RESULT)
        if len(np.unique(labels)) == len(KINDS):
            _write_summary(_precision_recall(labels, scores))
        for path in sorted(figures.glob("*.png")):
            _write_png(f"figures/{path.stem}", path.read_bytes())
        _write_summary(hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS))
    writer.close()


def _plain_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics that are one number, a text or None; those of each score and at the threshold with their names."""
    by_score = {f"image_AUROC of {name}": value for name, value in (metrics["image_AUROC_by_score"] or {}).items()}
    at_threshold = {f"{name} at the threshold": value for name, value in metrics.get("at_threshold", {}).items()}
    plain = {
        name: " ".join(value) if isinstance(value, list) else value
        for name, value in metrics.items()
        if not isinstance(value, dict)
    }
    return plain | by_score | at_threshold


def options_by_name(options: dict[str, Any], schedule: Schedule, data: DataSplits) -> dict[str, bool | float | str]:
    """The options that matter to the result, named as on the command line (`learning_rate`, `loss.ssim`).

    Those left out are filled in where the run decides them; a tuple becomes text, an empty one "none", and None "auto".

    Args:
        options: by section and name, as `config.json` has them.
        schedule: of the training.
        data: the splits.
    """
    found = {
        **options["data"],
        **options["training"],
        **{name: options[name] for name in ("preset", "score")},
        **{f"{section}.{name}": value for section in ("loss", "network") for name, value in options[section].items()},
        **dataclasses.asdict(schedule),
        **{"normal_class": data.normal_class, "image_size": data.image_shape[0]},
    }
    return {name: _plain(value) for name, value in found.items() if name not in ("data_dir", "tensorboard")}


def layer_graph(network: keras.Model) -> tf.compat.v1.GraphDef:
    """The network with a node a layer, those of a block or a part in one box; operations are over a thousand."""
    graph = tf.compat.v1.GraphDef()
    for layer in network.layers:
        node = graph.node.add(name=_boxed(layer.name), op=type(layer).__name__)
        if not isinstance(layer, keras.layers.InputLayer):
            node.input.extend(
                _boxed(tensor._keras_history.operation.name) for tensor in keras.tree.flatten(layer.input)
            )
        shapes = [tf.TensorShape(tensor.shape).as_proto() for tensor in keras.tree.flatten(layer.output)]
        node.attr["_output_shapes"].list.shape.extend(shapes)
    return graph


def _boxed(layer_name: str) -> str:
    parts = re.match(r"(stem|stage\d+|upsampling|decoder)_(?:(block\d+)_)?(.+)", layer_name)
    return "/".join(part for part in parts.groups() if part) if parts else layer_name


def _plain(value: Any) -> bool | float | str:
    if value is None:
        return "auto"
    return value if isinstance(value, (bool, int, float, str)) else " ".join(map(str, value)) or "none"


def _markdown_table(values: dict[str, Any]) -> str:
    texts = {
        name: "not available" if value is None else f"{value:.6g}" if isinstance(value, float) else value
        for name, value in values.items()
    }
    rows = [f"| {name} | {text} |" for name, text in texts.items()]
    return "\n".join(["| name | value |", "| --- | --- |", *rows])


def _experiment(options: dict[str, bool | float | str]):
    """Which options and metrics the HParams tab has as columns."""

    def kind(value):
        if isinstance(value, bool):
            return api_pb2.DATA_TYPE_BOOL
        return api_pb2.DATA_TYPE_STRING if isinstance(value, str) else api_pb2.DATA_TYPE_FLOAT64

    return hparams_summary.experiment_pb(
        # Those that "differ" come first; the tab shows five until asked for more.
        [api_pb2.HParamInfo(name=key, type=kind(value), differs=key in FIRST) for key, value in options.items()],
        [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"result/{key}"), display_name=key) for key in METRICS],
    )


def _reconstruction_inspection(network: keras.Model, ssim_window: int):
    """A function from uint8 images to what can be seen of them before any score is fitted, not traced."""
    score = ReconstructionScore(ssim_window)

    def inspect(image):
        scaled = to_unit(image)
        outputs = network(scaled, training=False)
        result = score(scaled, outputs)
        return {
            "image": scaled,
            "reconstruction": outputs["reconstruction"],
            "anomaly_map": result.anomaly_map,
            "pred_score": result.pred_score,
            "vector_lengths": ops.norm(ops.cast(outputs["instantiation_vectors"], "float32"), axis=-1),
        }

    return inspect


def _traced(inspect, network: keras.Model):
    signature = [tf.TensorSpec((None, *network.input.shape[1:]), tf.uint8)]
    return tf.function(
        inspect, input_signature=signature, autograph=False
    )  # autograph doubles the time of a first trace


def _pictures(
    labels: np.ndarray, images: np.ndarray, reconstructions: np.ndarray, anomaly_maps: np.ndarray
) -> dict[str, np.ndarray]:
    """By kind, a column an example: the image, its reconstruction, its map; all maps in the same colours.

    Returns:
        `(height, width, 3)`, uint8, of each kind that there is.
    """
    if not len(images):
        return {}
    low, high = spread(anomaly_maps)
    colours = matplotlib.colormaps[MAPS](np.clip((anomaly_maps - low) / (high - low), 0, 1))[..., :3]
    rows = [np.broadcast_to(np.clip(row, 0, 1), colours.shape) for row in (images, reconstructions, colours)]
    tiles = np.stack(rows).repeat(factor := math.ceil(TILE / images.shape[1]), axis=2).repeat(factor, axis=3)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (GAP, 0), (GAP, 0), (0, 0)), constant_values=1)
    pixels = to_bytes(tiles)
    return {
        kind: np.concatenate([np.concatenate(list(row), axis=1) for row in pixels[:, labels == label]])
        for label, kind in enumerate(KINDS)
        if np.any(labels == label)
    }


def _encode(picture: np.ndarray) -> bytes:
    return tf.io.encode_png(picture).numpy()


def _write_png(tag: str, png: bytes, description: str | None = None) -> None:
    """Shows a PNG file as it is; `tf.summary.image` would encode it anew."""
    width, height = struct.unpack(">II", png[16:24])
    metadata = image_metadata.create_summary_metadata(display_name=None, description=description)
    tf.summary.write(tag, [str(width).encode(), str(height).encode(), png], metadata=metadata)


def _write_summary(summary) -> None:
    tf.summary.experimental.write_raw_pb(summary.SerializeToString())


def _precision_recall(labels: np.ndarray, scores: np.ndarray):
    """The curve over the ranks of the scores: the plugin's thresholds are evenly spaced from 0 to 1."""
    ranks = np.searchsorted(np.sort(scores), scores, side="right") / len(scores)
    return pr_curve_summary.pb(
        "precision_recall",
        labels.astype(bool),
        ranks,
        description="A threshold is the share of test images with a lower score.",
    )
