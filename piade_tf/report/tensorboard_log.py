"""What TensorBoard shows of a training: `tensorboard --logdir runs`."""

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.metrics import roc_auc_score
from tensorboard.plugins.hparams import summary as hparams_summary

from piade_tf.data import DataSplits
from piade_tf.data.reading import images_at
from piade_tf.data.splits import all_normal
from piade_tf.evaluation.picked_examples import EXAMPLES, pick_indices
from piade_tf.pixels import to_unit
from piade_tf.report.layer_graph import layer_graph
from piade_tf.report.map_scale import spread
from piade_tf.report.tensorboard_options import experiment
from piade_tf.report.tensorboard_summaries import KINDS, encode, markdown_table, pictures_of, write_png, write_summary
from piade_tf.scoring.reconstruction_score import ReconstructionScore
from piade_tf.training.schedule import Schedule

ROUNDS = 10  # of images, histograms and the watched AUROC, at most
TIME_SHARE = 0.04  # of the training: a round that would take the log above it waits
WATCHED = 128  # images of a kind, for histograms and the watched AUROC
BATCH_PIXELS = 1 << 17  # of the images looked at together, where that is more than a batch of the training
TERMS = {
    "loss/total": "The weighted sum of the terms.",
}
WATCH_ONLY = "Of test images, for watching only: neither early stopping nor the choice of the weights knows it."


class TensorBoardLog(keras.callbacks.Callback):
    """Writes a training into `folder`: losses into `train` and `validation`, the rest into `folder` itself.

    Scalars are written every epoch. Images, histograms and the AUROC of the reconstruction score on a sample of the
    test images are written after the first epoch, and then up to `ROUNDS` times in all as far as the whole log stays
    below `TIME_SHARE` of the time. The step is the number of epochs done. Draws no number from the global generators.

    Args:
        folder: for the event files, made where it is missing.
        options: those that matter to the result, by name; see `tensorboard_options.options_by_name`.
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
            tf.summary.text("options", markdown_table(options))
            write_summary(experiment(options))
            write_summary(hparams_summary.session_start_pb(options))
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
            images, maps = (shown["image"], shown["reconstruction"]), shown["anomaly_map"]
            pictures = pictures_of(self._shown_labels, *images, maps, spread(maps))
            for kind, picture in pictures.items():
                write_png(f"examples/{kind}", encode(picture), "Image, reconstruction, error (MSE + 1 - SSIM).")
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
