"""The progress of a training: the losses, and on a terminal a bar with the time left."""

import math
import time

import keras
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from piade_tf.progress import TimeLeft

LINES = 20  # of losses, however many epochs there are
FEWEST = 3  # epochs, from which on the time left is told


class Progress(keras.callbacks.Callback):
    """Reports the training to the terminal, or to a log.

    Args:
        epochs: epochs planned.
        steps: steps an epoch.
        done: epochs done before, where it goes on with a training that was cut off.
    """

    def __init__(self, epochs: int, steps: int, done: int = 0):
        super().__init__()
        self.epochs, self.steps, self.before = epochs, steps, done
        self.console = Console(highlight=False, soft_wrap=True)

    def on_train_begin(self, logs=None):
        self._ends, self._done, self._is_finite = [time.monotonic()], self.before, True
        self.console.print("preparing the first step, which takes some seconds ...")
        self._bar = Bar(
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(),
            TimeElapsedColumn(),
            TimeLeft(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=self.epochs * self.steps)
        self._bar.start()

    def on_epoch_begin(self, epoch, logs=None):
        self._steps_before = epoch * self.steps

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(self._task, completed=self._steps_before + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        self._ends.append(time.monotonic())
        if epoch == self.before or done == self.epochs or done % math.ceil(self.epochs / LINES) == 0:
            losses = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            self.console.print(f"epoch {done}/{self.epochs}  {losses}{self._time_left(done)}")
        self._done, self._is_finite = done, all(map(math.isfinite, logs.values()))

    def _time_left(self, done: int) -> str:
        """By the later half of the epochs of this process; nothing before a fifth, since the first ones compile."""
        here = done - self.before
        if here < max(FEWEST, self.epochs / 5) or done == self.epochs:
            return ""
        half = here // 2
        seconds = (self._ends[here] - self._ends[half]) / (here - half) * (self.epochs - done)
        return f"  (about {seconds:.0f} s left)"

    def close(self) -> None:
        """Takes the bar away, where the training was broken off."""
        if hasattr(self, "_bar"):
            self._bar.stop()

    def on_train_end(self, logs=None):
        self.close()
        if self._done < self.epochs and self._is_finite:
            self.console.print(f"stopped after epoch {self._done}: the validation loss no longer fell")
