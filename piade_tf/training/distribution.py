"""On which devices and threads training runs."""

import contextlib
import os
from typing import Literal

import tensorflow as tf

from piade_tf.config import DataConfig
from piade_tf.data import IN_MEMORY

SMALL = 64  # pixels


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


def share_threads(data: DataConfig) -> None:
    """Lets two operations run side by side, and wakes the devices.

    The two gradients of a convolution do not wait for each other. On small images each gets half of the cores:
    splitting small operations over every core costs more than it brings. On 2 cores `compact` trains about a tenth
    faster that way at 28x28, and would be a third slower at 128x128.
    Without effect once TensorFlow has started to compute.
    """
    cores = os.cpu_count() or 1
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores // 2) if has_small_images(data) else cores)
    tf.config.list_logical_devices()


def has_small_images(data: DataConfig) -> bool:
    """Whether images are below 64 pixels, as far as the options tell before any is read."""
    sides = data.crop or data.image_size
    return max(sides) < SMALL if sides else data.dataset in ("digits", *IN_MEMORY)
