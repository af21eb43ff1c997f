"""The optimizer: Adam along a cosine, with averaged gradients and a scaled loss where they are asked for."""

import keras
import tensorflow as tf

from piade_tf.config import TrainingConfig
from piade_tf.errors import InputError


def optimizer_for(options: TrainingConfig, learning_rate: float, batch_count: int) -> keras.optimizers.Optimizer:
    """The optimizer of a training, in the scope of its distribution strategy.

    Args:
        options: of the training.
        learning_rate: the first one.
        batch_count: of the whole training.

    Raises:
        InputError: the training ends before its first step, or gradients are to be accumulated on several devices.
    """
    batches_a_step = options.accumulate
    if batches_a_step > 1 and tf.distribute.has_strategy():  # Keras 3.15 merges replicas within a condition
        raise InputError(
            f"--accumulate {batches_a_step} does not work on several devices; add --strategy none, or leave it out: "
            "each device takes a part of the batch"
        )
    if batches_a_step > batch_count:
        raise InputError(
            f"--accumulate {batches_a_step} needs as many batches for a step, and the training has {batch_count}; "
            "take fewer, or more --epochs"
        )
    adam = keras.optimizers.Adam(
        CosineOverSteps(learning_rate, batch_count, batches_a_step),
        weight_decay=options.weight_decay or None,
        gradient_accumulation_steps=batches_a_step if batches_a_step > 1 else None,
    )
    return keras.optimizers.LossScaleOptimizer(adam) if options.precision == "float16" else adam


@keras.saving.register_keras_serializable(package="piade")
class CosineOverSteps(keras.optimizers.schedules.CosineDecay):
    """A cosine from the first learning rate to zero over the steps of the optimizer.

    Keras 3.15 asks a schedule with the number of batches, not of steps, where gradients are accumulated.

    Args:
        initial_learning_rate: the first one.
        batch_count: of the whole training.
        batches_a_step: gradients that are averaged before a step.
    """

    def __init__(self, initial_learning_rate: float, batch_count: int, batches_a_step: int = 1):
        super().__init__(initial_learning_rate, batch_count // batches_a_step)
        self.batch_count, self.batches_a_step = batch_count, batches_a_step

    def __call__(self, step):
        return super().__call__(step // self.batches_a_step)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "batch_count": self.batch_count,
            "batches_a_step": self.batches_a_step,
        }
