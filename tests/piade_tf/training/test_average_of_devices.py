"""Every device normalises by its own rows; what is kept is the mean of theirs. A frozen encoder keeps its own."""

from types import SimpleNamespace

import keras
import numpy as np
from threads_as_workers import together

from piade_tf.training.average_of_devices import AverageOfDevices
from piade_tf.training.distribution import Distribution


def test_moving_averages_become_the_mean_of_all_workers():
    def after(workers):
        free, frozen = keras.layers.BatchNormalization(), keras.layers.BatchNormalization(trainable=False)
        network = keras.Sequential([keras.Input((3,)), free, frozen])
        for layer in (free, frozen):
            layer.moving_mean.assign(np.full(3, workers.index, "float32"))
            layer.moving_variance.assign(np.full(3, 1 + 2 * workers.index, "float32"))
        callback = AverageOfDevices(Distribution(workers=workers))
        callback.set_model(SimpleNamespace(network=network))
        callback.on_test_begin()
        return [
            [float(np.mean(average)) for average in (layer.moving_mean, layer.moving_variance)]
            for layer in (free, frozen)
        ]

    assert together(3, after) == [[[1, 3], [index, 1 + 2 * index]] for index in range(3)]
