"""The part of each batch for each device: no image is seen twice in an epoch and none is lost."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from piade_tf.data.pipeline import batches
from piade_tf.data.shares import IMAGE, WEIGHT, Share
from piade_tf.data.splits import Split


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 5), st.integers(1, 2))
def test_all_devices_together_have_each_batch_once(count, batch_size, workers, devices_each):
    devices = workers * devices_each
    items, steps = tf.data.Dataset.range(count), -(-count // batch_size)
    parts = []
    for worker in range(workers):
        share = Share(devices, range(worker * devices_each, (worker + 1) * devices_each))
        rows = share.rows(batch_size)
        found = np.array(list(share.of(items, batch_size).as_numpy_iterator()))
        weights = np.array(list(share.weights(count, batch_size).as_numpy_iterator()))
        assert found.shape == weights.shape == (steps * devices_each * rows,)
        parts.append((found.reshape(steps, -1), weights.reshape(steps, -1)))
    for step in range(steps):
        seen = np.concatenate([found[step][weights[step] == 1] for found, weights in parts])
        assert seen.tolist() == list(range(step * batch_size, min(count, (step + 1) * batch_size)))


@pytest.mark.parametrize("seed", [None, 0])
def test_an_epoch_of_two_workers_has_the_batches_of_one(seed):
    """Shuffled anew in each epoch, the same way for both."""
    images = np.arange(11, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 4, 1), "uint8")
    split = Split(tf.data.Dataset.from_tensor_slices(images), len(images))
    alone = batches(split, 4, seed)
    shared = [batches(split, 4, seed, share=Share(2, range(worker, worker + 1))) for worker in range(2)]
    for _ in range(2):
        whole = [numbers(batch) for batch in alone.as_numpy_iterator()]
        parts = [[numbers(batch[IMAGE])[batch[WEIGHT] == 1] for batch in part.as_numpy_iterator()] for part in shared]
        assert [np.concatenate(step).tolist() for step in zip(*parts, strict=True)] == [one.tolist() for one in whole]


def numbers(batch):
    return np.rint(batch[:, 0, 0, 0] * 255).astype(int)
