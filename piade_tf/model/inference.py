"""Running a model over batches, in bounded memory."""

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator

import keras
import numpy as np

from piade_tf.in_order import in_order

ROUNDED = 32  # batches up to this length are filled up to a power of two, so that few lengths are traced


class Runner:
    """A model that is run over batches again and again, by any number of threads: traced once for a length of batches.

    Args:
        model: a functional model with one input and a dict of outputs.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._traced: dict[int, Callable] = {}
        self._tracing = threading.Lock()

    def __call__(self, batches: Iterable, live: bool = False) -> Iterator[dict[str, np.ndarray]]:
        """Yields the model's outputs for one batch after the other.

        Under TensorFlow the model is traced for the first batch's length or a little more, shorter batches are filled
        up: a known length is faster than an open one. As many batches as there are cores are worked on at a time:
        within one, the cores wait for each other at every operation.

        Args:
            batches: `(batch, height, width, channels)`, float32, none longer than the first.
            live: whether each batch's outputs are given before the next batch is asked for.
        """
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return
        run, workers = self.model.predict_on_batch, 1
        if keras.backend.backend() == "tensorflow":
            run, workers = self._for_length(len(first)), os.cpu_count() or 1

        def arrays(batch) -> dict[str, np.ndarray]:
            return {name: keras.ops.convert_to_numpy(values) for name, values in run(batch).items()}

        yield from in_order(arrays, itertools.chain([first], batches), 0 if live else workers)

    def _for_length(self, count: int) -> Callable:
        length = 1 << (count - 1).bit_length() if count < ROUNDED else count
        with self._tracing:
            if length not in self._traced:
                self._traced[length] = _traced(self.model, length)
        return self._traced[length]


def outputs_of(model: keras.Model, batches: Iterable) -> Iterator[dict[str, np.ndarray]]:
    """Runs a model over batches once; see `Runner`."""
    return Runner(model)(batches)


def _traced(model: keras.Model, length: int) -> Callable:
    """The model as a function of up to `length` images, traced before threads could race to do it."""
    import tensorflow as tf

    signature = [tf.TensorSpec((length, *model.input.shape[1:]), tf.float32)]
    call = tf.function(lambda images: model(images, training=False), input_signature=signature)
    call.get_concrete_function()

    def run(batch):
        missing = length - len(batch)
        if not missing:
            return call(batch)
        filled = tf.pad(batch, [[0, missing], *[[0, 0]] * (len(batch.shape) - 1)])
        return {name: values[: length - missing] for name, values in call(filled).items()}

    return run
