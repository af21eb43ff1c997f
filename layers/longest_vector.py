"""Choosing the instantiation vector that is decoded."""

import keras
import numpy as np
from keras import ops

from layers.checks import known_axes


@keras.saving.register_keras_serializable(package="piade")
class LongestVector(keras.layers.Layer):
    """Selects the longest of several vectors (Mishra et al. 2020: the longer one is decoded).

    An arithmetic mask, one for the longest vector and zero for the others, multiplies the vectors
    before they are summed: no gather or select, which delegates on phones do not run. The gradient
    reaches the chosen vector alone. Of equally long vectors the first is chosen.

    ```python
    LongestVector()(np.array([[[3.0, 4.0], [1.0, 1.0]]])).shape   # (1, 2), the vector (3, 4)
    ```

    Input shape: `(batch, k, d)`, floating point, k and d known.
    Output shape: `(batch, d)`, in the layer's compute dtype.

    Raises:
        ValueError: the input has not three axes or an unknown number of vectors.
    """

    def build(self, input_shape):
        known_axes("LongestVector", input_shape, "(batch, vectors, dimension)")

    def call(self, inputs):
        count = inputs.shape[1]
        if count == 1:
            return ops.reshape(inputs, (-1, inputs.shape[2]))
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        squared_lengths = ops.sum(ops.square(ops.cast(inputs, dtype)), axis=-1)
        own, other = squared_lengths[:, :, None], squared_lengths[:, None, :]
        # Vector i beats a later one when it is at least as long, an earlier one only when longer.
        comes_first = np.triu(np.ones((count, count), "float32"))
        at_least, longer = ops.cast(own >= other, "float32"), ops.cast(own > other, "float32")
        mask = ops.prod(at_least * comes_first + longer * (1.0 - comes_first), axis=-1)
        return ops.sum(inputs * ops.cast(mask, inputs.dtype)[:, :, None], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])
