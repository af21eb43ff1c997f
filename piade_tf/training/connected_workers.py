"""How workers on several machines tell each other what they found: sums over their network."""

import contextlib
import io
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from piade_tf.errors import WorkerLost
from piade_tf.interrupts import stop_if_asked
from piade_tf.training.cluster import Cluster
from piade_tf.workers import Arrays, Workers

# What collective operations end with where a worker is gone, as it comes.
OF_LOST_WORKERS = (
    *(tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError),
    *(tf.errors.InternalError, tf.errors.FailedPreconditionError),
)


class ConnectedWorkers(Workers):
    """The workers of a `MultiWorkerMirroredStrategy`, each with the same number of devices.

    Args:
        strategy: that connects them.
        cluster: who they are.
    """

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster):
        self._strategy = strategy
        self.addresses = cluster.addresses
        self.index, self.count = cluster.index, len(cluster.addresses)

    def added_up(self, values: np.ndarray) -> np.ndarray:
        if not values.size:  # TensorFlow 2.21 ends with a segmentation fault
            return values
        own, nothing = tf.constant(values), tf.zeros_like(values)
        devices = self._strategy.num_replicas_in_sync // self.count

        def of_device(context: Any) -> tf.Tensor:
            return own if context.replica_id_in_sync_group % devices == 0 else nothing

        on_devices = self._strategy.experimental_distribute_values_from_function(of_device)
        return self._strategy.reduce("SUM", on_devices, axis=None).numpy()

    def all_told(self, arrays: Arrays) -> list[Arrays]:
        content = _packed(arrays)
        lengths = self.added_up(np.where(np.arange(self.count) == self.index, len(content), 0))
        ends = np.cumsum(lengths)
        everything = np.zeros(ends[-1], "int32")
        everything[ends[self.index] - lengths[self.index] : ends[self.index]] = content
        return [_unpacked(part) for part in np.split(self.added_up(everything), ends[:-1])]


def _packed(arrays: Arrays) -> np.ndarray:
    """Arrays as int32, which every collective operation adds up."""
    if not arrays:
        return np.zeros(0, "int32")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    content = buffer.getvalue()
    return np.frombuffer(content + bytes(-len(content) % 4), "int32")


def _unpacked(content: np.ndarray) -> Arrays:
    if not len(content):
        return {}
    with np.load(io.BytesIO(content.tobytes()), allow_pickle=False) as file:
        return dict(file.items())


@contextlib.contextmanager
def losses_of_workers_told() -> Iterator[None]:
    """Within, a worker that is gone is a `WorkerLost`; or a `Stopped`, where a signal has told this one to end too."""
    try:
        yield
    except OF_LOST_WORKERS as error:
        stop_if_asked()
        raise WorkerLost(f"another worker has gone{_reason(str(error))}; its own last line may say why") from None


def _reason(text: str) -> str:
    """What is said of the workers in a message that is about operations, in brackets."""
    reason = " ".join(text.rpartition("aborted by:")[2].split())
    return f" ({textwrap.shorten(reason, 160, placeholder=' ...')})" if reason else ""
