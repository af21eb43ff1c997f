"""On which devices training runs."""

import contextlib
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
