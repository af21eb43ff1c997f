"""Batch normalisation where every device sees its own part of a batch."""

import keras
import numpy as np

from piade_tf.training.distribution import Distribution


class AverageOfDevices(keras.callbacks.Callback):
    """Gives all devices the same moving averages of batch normalisation before they are used: the mean of theirs.

    Each device normalises its part of a batch by that part's own mean and variance, as tf.distribute has it. Stands
    before early stopping, which keeps what the validation loss was measured with.

    Args:
        distribution: over workers that have as many devices each.
    """

    def __init__(self, distribution: Distribution):
        super().__init__()
        self._distribution = distribution

    def on_test_begin(self, logs=None):
        workers = self._distribution.workers
        for layer in self.model.network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
                for average in (layer.moving_mean, layer.moving_variance):
                    own = np.mean(self._distribution.of_devices(average.value), axis=0, dtype="float64")
                    average.assign((workers.added_up(own) / workers.count).astype("float32"))
