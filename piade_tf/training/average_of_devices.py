"""Batch normalisation where every device sees its own part of a batch."""

import keras
import numpy as np

from piade_tf.workers import Workers


class AverageOfDevices(keras.callbacks.Callback):
    """Gives all devices the same moving averages of batch normalisation before they are used: the mean of theirs.

    Each device normalises its part of a batch by that part's own mean and variance, as tf.distribute has it. Stands
    before early stopping, which keeps what the validation loss was measured with.

    Args:
        workers: that have devices.
    """

    def __init__(self, workers: Workers):
        super().__init__()
        self._workers = workers

    def on_test_begin(self, logs=None):
        for layer in self.model.network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
                for average in (layer.moving_mean, layer.moving_variance):
                    own = np.asarray(keras.ops.convert_to_numpy(average), "float64")
                    average.assign((self._workers.added_up(own) / self._workers.count).astype("float32"))
