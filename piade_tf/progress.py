"""The progress of a training: a bar with the time left on a terminal, one line an epoch elsewhere."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(keras.callbacks.Callback):
    """Reports the training to the terminal, or to a log.

    Args:
        epochs: epochs planned.
        steps: steps an epoch.
    """

    def __init__(self, epochs: int, steps: int):
        super().__init__()
        self.epochs, self.steps = epochs, steps
        self.console = Console()

    def on_train_begin(self, logs=None):
        self._start, self._losses = time.monotonic(), ""
        self._bar = Bar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[losses]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self.epochs * self.steps, epoch=f"1/{self.epochs}", losses="")
        self._bar.start()

    def on_train_batch_end(self, batch, logs=None):
        self._bar.advance(self._task)

    def on_epoch_end(self, epoch, logs=None):
        losses = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._bar.update(self._task, epoch=f"{min(epoch + 2, self.epochs)}/{self.epochs}", losses=losses)
        if not self.console.is_terminal:
            left = (time.monotonic() - self._start) / (epoch + 1) * (self.epochs - epoch - 1)
            print(f"epoch {epoch + 1}/{self.epochs}  {losses}  ({left:.0f} s left)", flush=True)

    def on_train_end(self, logs=None):
        self._bar.stop()
