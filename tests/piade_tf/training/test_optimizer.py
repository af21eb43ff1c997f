"""The optimizer: gradients of several batches make one step, the learning rate counts steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import TrainingConfig
from piade_tf.errors import InputError
from piade_tf.model.losses import ReconstructionLoss
from piade_tf.training.optimizer import CosineOverSteps, optimizer_for
from piade_tf.training.schedule import Schedule
from piade_tf.training.trainer import Trainer

RATE, IMAGES = 0.01, 48


def weights_after(batch_size, epochs=2, normalized=False, **options):
    """Of a small network, trained on the same images in the same order."""
    keras.utils.set_random_seed(0)
    image = keras.Input((28, 28, 1))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    if normalized:
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    trainer = Trainer(keras.Model(image, {"reconstruction": x}), ReconstructionLoss())
    optimizer = optimizer_for(TrainingConfig(**options), RATE, epochs * IMAGES // batch_size)
    trainer.compile(optimizer=optimizer)
    images = np.random.default_rng(1).random((IMAGES, 28, 28, 1), "float32")
    batches = tf.data.Dataset.from_tensor_slices(images).batch(batch_size)
    trainer.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    return trainer.network.get_weights(), optimizer


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"precision": "float16"}], ids=str)
def test_two_batches_of_8_make_the_steps_of_one_batch_of_16(options):
    (one, _), (two, optimizer) = weights_after(16, **options), weights_after(8, accumulate=2, **options)
    assert int(optimizer.iterations) == 6
    for weight, expected in zip(two, one, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-5)
    apart = weights_after(8, **options)[0]
    assert max(np.abs(weight - expected).max() for weight, expected in zip(apart, one, strict=True)) > 1e-3


def test_batch_normalisation_sees_one_batch_at_a_time():
    (one, _), (two, _) = weights_after(16, normalized=True), weights_after(8, accumulate=2, normalized=True)
    assert max(np.abs(weight - expected).max() for weight, expected in zip(two, one, strict=True)) > 1e-4


@pytest.mark.parametrize("batches_a_step", [1, 2, 3])
def test_the_learning_rate_falls_from_the_first_to_zero_and_stays_the_same_within_a_step(batches_a_step):
    steps = 5
    rate = CosineOverSteps(RATE, steps * batches_a_step, batches_a_step)
    expected = RATE * (1 + np.cos(np.pi * np.arange(steps + 1) / steps)) / 2
    found = [float(rate(batch)) for batch in range((steps + 1) * batches_a_step)]
    np.testing.assert_allclose(found, expected.repeat(batches_a_step), atol=1e-8)
    assert type(rate).from_config(rate.get_config()).get_config() == rate.get_config()


def test_more_batches_a_step_than_there_are_leave_no_step():
    with pytest.raises(InputError, match="--accumulate 9 needs as many batches .* has 8; .* --epochs"):
        optimizer_for(TrainingConfig(accumulate=9), RATE, 8)


def test_several_devices_are_refused_with_what_to_do():
    options = TrainingConfig(accumulate=2)
    with tf.distribute.MirroredStrategy(["/CPU:0"]).scope(), pytest.raises(InputError, match="add --strategy none"):
        optimizer_for(options, RATE, 8)


def test_left_out_epochs_make_as_many_steps_as_with_larger_batches():
    def epochs(**options):
        return Schedule.of(TrainingConfig(**options), 320, "classes", pretrained=False).epochs

    assert epochs(batch_size=8, accumulate=4) == epochs(batch_size=32) > epochs(batch_size=8)
