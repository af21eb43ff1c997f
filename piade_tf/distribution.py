"""On which devices and threads training runs."""

import contextlib
import os
from typing import Literal

import tensorflow as tf


def strategy_scope(name: Literal["auto", "none", "mirrored"]) -> contextlib.AbstractContextManager:
    """The scope in which the model is built and compiled.

    Args:
        name: `"mirrored"`: `tf.distribute.MirroredStrategy` over all GPUs, or over all logical CPUs
            where there is no GPU; `"auto"`: the same where there is more than one GPU; `"none"`: no strategy.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices]).scope()
    return contextlib.nullcontext()


def share_threads() -> None:
    """Lets two operations run side by side, each on half of the cores, and wakes the devices.

    The two gradients of a convolution do not wait for each other, and splitting small operations over
    every core costs more than it brings: about 15 % more images per second for `compact` at 28x28 on 2 cores.
    Without effect once TensorFlow has started to compute.
    """
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // 2))
    tf.config.list_logical_devices()
