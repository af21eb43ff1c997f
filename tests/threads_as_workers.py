"""Workers that are threads of one process: what several machines do, without a network."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from piade_tf.workers import Workers


class ThreadWorker(Workers):
    def __init__(self, index, count, barrier, told):
        self.index, self.count = index, count
        self._barrier, self._told = barrier, told

    def all_told(self, arrays):
        self._told[self.index] = dict(arrays)
        self._barrier.wait()
        found = list(self._told)
        self._barrier.wait()
        return found

    def added_up(self, values):
        return np.sum([one["values"] for one in self.all_told({"values": values})], axis=0)


def together(count, work):
    """What `work(workers)` returns to each of so many workers."""
    barrier, told = threading.Barrier(count, timeout=120), [None] * count
    with ThreadPoolExecutor(count) as pool:

        def guarded(index):
            try:
                return work(ThreadWorker(index, count, barrier, told))
            except BaseException:
                barrier.abort()  # the others do not wait for this one
                raise

        return [one.result() for one in [pool.submit(guarded, index) for index in range(count)]]
