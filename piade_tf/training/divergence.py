"""A training whose loss is not finite ends at once, with its best weights."""

import math

import keras

from piade_tf.errors import InputError


class Diverged(InputError):
    """The loss is not finite any more; going on would not help."""


class StopWhenDiverged(keras.callbacks.Callback):
    """Stops at the first loss that is not finite, and then puts the best weights so far back.

    Attributes:
        diverged_in: epoch, from 1, whose loss was not finite; None while all is well.
    """

    def __init__(self):
        super().__init__()
        self.diverged_in: int | None = None

    def on_train_begin(self, logs=None):
        self._epoch, self._best_loss = 0, math.inf
        self._good_weights = self.model.network.get_weights()

    def go_on(self, epochs: int, best_loss: float) -> None:
        """Goes on after so many epochs; the network has the best weights of them just now."""
        self._epoch, self._best_loss = epochs, best_loss
        self._good_weights = self.model.network.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            self.diverged_in = self._epoch + 1
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        if not math.isfinite(logs["val_loss"]):
            self.diverged_in = self.diverged_in or epoch + 1
            self.model.stop_training = True
        elif self.diverged_in is None and logs["val_loss"] < self._best_loss:
            self._best_loss = logs["val_loss"]
            self._good_weights = self.model.network.get_weights()

    def on_train_end(self, logs=None):
        if self.diverged_in:
            self.model.network.set_weights(self._good_weights)
