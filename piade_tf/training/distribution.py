"""On which devices, threads and machines training runs."""

import contextlib
import dataclasses
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from piade_tf.config import StrategyName
from piade_tf.data.shares import Share
from piade_tf.interrupts import take_back
from piade_tf.training.cluster import cluster_for
from piade_tf.training.connected_workers import ConnectedWorkers, losses_of_workers_told
from piade_tf.workers import ALONE, Workers

SMALL = 64  # pixels


@dataclasses.dataclass(frozen=True)
class Distribution:
    """What a training is spread over.

    Attributes:
        strategy: of `tf.distribute`; None: one device.
        workers: the processes.
    """

    strategy: tf.distribute.Strategy | None = None
    workers: Workers = ALONE

    def scope(self) -> contextlib.AbstractContextManager:
        """The scope in which the model is built and compiled."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def of_devices(self, variable: tf.Variable) -> list[np.ndarray]:
        """What each device of this process has of a variable; read as a whole it is what the first one has."""
        own = self.strategy.experimental_local_results(variable) if self.strategy else (variable,)
        return [values.numpy() for values in own]

    def shared(self, batches: Callable[[Share | None], tf.data.Dataset], steps: int) -> tf.data.Dataset:
        """What `fit` takes.

        Args:
            batches: from a share of every batch to that share; from None to whole batches.
            steps: of an epoch.
        """
        if self.strategy is None:
            return batches(None)
        devices = self.strategy.num_replicas_in_sync

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            own = devices // context.num_input_pipelines
            return batches(
                Share(devices, range(context.input_pipeline_id * own, (context.input_pipeline_id + 1) * own))
            )

        found = self.strategy.distribute_datasets_from_function(of_worker)
        # TensorFlow counts what all devices of a worker take. Keras would find the end by a step that fails, in which
        # the optimizer may have counted already.
        found._cardinality = np.int64(steps)
        return found

    def description(self) -> str:
        """The strategy with its devices in a sentence; empty for one device."""
        if self.strategy is None:
            return ""
        replicas = self.strategy.num_replicas_in_sync
        if isinstance(self.workers, ConnectedWorkers):
            listed = f"{self.workers.count} workers ({', '.join(self.workers.addresses)}), {replicas} devices"
            return f"MultiWorkerMirroredStrategy: {listed}, each with its part of a batch."
        devices = ", ".join(_short(device) for device in self.strategy.extended.worker_devices)
        return f"MirroredStrategy: {replicas} devices ({devices}), each with its part of a batch."


ONE_DEVICE = Distribution()


def distribution_for(name: StrategyName) -> Distribution:
    """The distribution of a training. Several workers wait here for each other: before TensorFlow computes anything.

    Args:
        name: `multiworker`: `tf.distribute.MultiWorkerMirroredStrategy` over the workers that TF_CONFIG names, where it
            names several; `mirrored`: `tf.distribute.MirroredStrategy` over all GPUs, or over all logical CPUs where
            there is no GPU; `auto`: the first where TF_CONFIG names several workers, else the second where there is
            more than one GPU; `none`: no strategy.

    Raises:
        InputError: TF_CONFIG cannot be used, or is missing.
        WorkerLost: a worker went before all had met.
    """
    if cluster := cluster_for(name):
        print(f"Worker {cluster.index} of {', '.join(cluster.addresses)}, waiting for the others.", flush=True)
        with losses_of_workers_told():  # one may go before all have met
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
        take_back()  # TensorFlow takes SIGTERM for a notice that the machine is about to go
        return Distribution(strategy, ConnectedWorkers(strategy, cluster))
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or (name != "none" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return Distribution(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return ONE_DEVICE


def share_threads(side: int | None) -> None:
    """Lets two operations run side by side.

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


def _short(device: str) -> str:
    return "".join(device.rpartition("device:")[1:]).removeprefix("device:")
