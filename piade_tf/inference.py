"""Running a model over batches, in bounded memory."""

from collections.abc import Iterable, Iterator

import keras
import numpy as np


def outputs_of(model: keras.Model, batches: Iterable) -> Iterator[dict[str, np.ndarray]]:
    """Yields the model's outputs for one batch after the other.

    Traced once, for batches of any length; `predict_on_batch` would trace the shorter last batch anew.

    Args:
        model: a functional model with one input and a dict of outputs.
        batches: `(batch, height, width, channels)`, float32.
    """
    run = model.predict_on_batch
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, *model.input.shape[1:]), tf.float32)]
        run = tf.function(lambda images: model(images, training=False), input_signature=signature)
    for batch in batches:
        yield {name: keras.ops.convert_to_numpy(values) for name, values in run(batch).items()}
