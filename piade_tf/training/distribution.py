"""On which devices and threads training runs."""

import contextlib
import os
from typing import Literal

import tensorflow as tf

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


def share_threads(side: int | None) -> None:
    """Lets two operations run side by side, and wakes the devices.

    The two gradients of a convolution do not wait for each other. On small images each gets half of the cores:
    splitting small operations over every core costs more than it brings. On 2 cores `compact` trains about a tenth
    faster that way at 28x28, and would be a third slower at 128x128.
    Without effect once TensorFlow has started to compute.

    Args:
        side: the shorter side of the images in pixels; None: not known yet.
    """
    cores = os.cpu_count() or 1
    is_small = side is not None and side < SMALL
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores // 2) if is_small else cores)
    tf.config.list_logical_devices()
