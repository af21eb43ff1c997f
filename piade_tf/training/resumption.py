"""What a training needs to go on after an epoch as if it had never stopped: written as it goes, read at its start."""

import dataclasses
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from piade_tf.interrupts import stop_if_asked
from piade_tf.training.checkpoints import Checkpoints
from piade_tf.training.divergence import StopWhenDiverged

LEAST_APART = 5.0  # seconds between two checkpoints
TIME_SHARE = 0.05  # of the training that writing them may take
STATE, OPTIMIZER, BEST = "state", "optimizer", "best"


@dataclasses.dataclass(frozen=True)
class Saved:
    """A training after some epochs.

    Attributes:
        epochs: that are done.
        stopped: whether it was to end with the last of them.
        history: every logged value by name, one an epoch.
        seconds: that it has taken.
        best, wait, best_epoch: of early stopping.
        arrays: weights and states, by name.
    """

    epochs: int
    stopped: bool
    history: dict[str, list[float]]
    seconds: float
    best: float
    wait: int
    best_epoch: int
    arrays: dict[str, np.ndarray] = dataclasses.field(repr=False)

    @classmethod
    def newest(cls, checkpoints: Checkpoints) -> "Saved | None":
        """From the newest checkpoint that is whole."""
        found = checkpoints.newest()
        return None if found is None else cls(**found[1], arrays=found[0])

    def write(self, checkpoints: Checkpoints) -> None:
        """Writes a checkpoint; raises as `Checkpoints.write`."""
        about = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        checkpoints.write(self.epochs, about.pop("arrays"), about)


class Resumption(keras.callbacks.Callback):
    """Keeps what each epoch leaves, writes it from time to time, and puts it back in the beginning.

    Stands behind the two others, and before those that log. Ends the training by `Stopped` after the step in which a
    signal asked for that, or when the epoch has been logged, too.

    Args:
        checkpoints: to write.
        saved: where to go on; None: at the start.
        early_stopping, diverged: of the same training.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        saved: Saved | None,
        early_stopping: keras.callbacks.EarlyStopping,
        diverged: StopWhenDiverged,
    ):
        super().__init__()
        self._checkpoints, self._saved = checkpoints, saved
        self._early_stopping, self._diverged = early_stopping, diverged
        self._history: dict[str, list[float]] = {}
        self._latest: Saved | None = None
        self._next = 0.0

    def on_train_begin(self, logs=None):
        self._start = time.monotonic()
        if self._saved is None:
            return
        saved, early = self._saved, self._early_stopping
        self._history = {name: list(values) for name, values in saved.history.items()}
        self._start -= saved.seconds
        early.best_weights = _numbered(saved.arrays, BEST)
        self.model.set_weights(early.best_weights)
        self._diverged.go_on(saved.epochs, min(saved.history["val_loss"]))
        _assign(self.model.variables, saved.arrays, STATE)
        if not self.model.optimizer.built:  # one that scales the loss would have its variables twice
            with self.model.distribute_strategy.scope():
                self.model.optimizer.build(self.model.trainable_variables)
        _assign(self.model.optimizer.variables, saved.arrays, OPTIMIZER)
        early.best, early.wait, early.best_epoch = saved.best, saved.wait, saved.best_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._stop_if_asked()

    def on_train_batch_end(self, batch, logs=None):
        self._stop_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        if self._diverged.diverged_in:
            return
        for name, value in logs.items():
            self._history.setdefault(name, []).append(float(value))
        early = self._early_stopping
        arrays = {
            **_named(STATE, self.model.variables),
            **_named(OPTIMIZER, self.model.optimizer.variables),
            **_named(BEST, early.best_weights),
        }
        history = {name: list(values) for name, values in self._history.items()}
        seconds, stopped = time.monotonic() - self._start, self.model.stop_training
        self._latest = Saved(
            epoch + 1, stopped, history, seconds, float(early.best), early.wait, early.best_epoch, arrays
        )
        if time.monotonic() >= self._next:
            self.write()

    def _stop_if_asked(self) -> None:
        try:
            stop_if_asked()
        except BaseException:
            self.write()
            raise

    def write(self) -> None:
        """Writes the state after the last whole epoch, where that is not done yet."""
        if self._latest is None:
            return
        before = time.monotonic()
        self._latest.write(self._checkpoints)
        self._latest = None
        now = time.monotonic()
        self._next = now + max(LEAST_APART, (now - before) / TIME_SHARE)


def skip_epochs(images: tf.data.Dataset, epochs: int) -> None:
    """Has a dataset shuffle and change its images in the next epoch as if so many had been trained.

    Each iterator does that another way. Keras 3.15 makes one at the start of an epoch and, where it knows the number of
    batches, another at its end.
    """
    cardinality = images.cardinality() if callable(images.cardinality) else images.cardinality  # of a distributed one
    known = int(cardinality) >= 0
    for _ in range(epochs * (2 if known else 1)):
        iter(images)


def _named(kind: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{kind}/{number}": np.array(keras.ops.convert_to_numpy(value)) for number, value in enumerate(values)}


def _numbered(arrays: dict[str, np.ndarray], kind: str) -> list[np.ndarray]:
    count = sum(name.startswith(f"{kind}/") for name in arrays)
    return [arrays[f"{kind}/{number}"] for number in range(count)]


def _assign(variables: list[Any], arrays: dict[str, np.ndarray], kind: str) -> None:
    for variable, value in zip(variables, _numbered(arrays, kind), strict=True):
        variable.assign(value)
