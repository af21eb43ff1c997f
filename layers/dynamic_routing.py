"""Routing by agreement: many capsules vote for a few instantiation vectors."""

import keras
from keras import ops

from layers.checks import known_axes, positive_int


@keras.saving.register_keras_serializable(package="piade")
class DynamicRouting(keras.layers.Layer):
    """Routes capsules to instantiation vectors (Sabour et al. 2017, arXiv 1710.09829, procedure 1).

    Every input capsule `u_i` predicts every output vector, `u_hat_ij = W_ij u_i`. The coupling
    coefficients start equal and are a softmax, over the output vectors, of the agreements summed so
    far; each iteration sums the coupled predictions, squashes the sums to vectors shorter than 1
    (equation 1) and adds the agreement `u_hat_ij . v_j`. Only the last iteration lets gradients
    through: the agreements are computed on predictions without gradient.

    Computed in float32 at least, whatever the compute dtype: sums of large capsules do not fit
    half precision.

    ```python
    DynamicRouting(num_capsules=2, capsule_dim=64)(keras.random.normal((1, 84, 8))).shape   # (1, 2, 64)
    ```

    Args:
        num_capsules: number of instantiation vectors, a positive integer.
        capsule_dim: their dimension, a positive integer.
        iterations: routing iterations, a positive integer.

    Input shape: `(batch, n, d)`, floating point, n and d known.
    Output shape: `(batch, num_capsules, capsule_dim)`, vectors of length 0 to 1, in the layer's
        compute dtype.

    Raises:
        ValueError: an argument is no positive integer; the input has not three axes or an unknown
            number of capsules.
    """

    def __init__(self, num_capsules: int = 2, capsule_dim: int = 64, iterations: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.num_capsules = positive_int("DynamicRouting", "num_capsules", num_capsules)
        self.capsule_dim = positive_int("DynamicRouting", "capsule_dim", capsule_dim)
        self.iterations = positive_int("DynamicRouting", "iterations", iterations)

    def build(self, input_shape):
        capsules, dim = known_axes("DynamicRouting", input_shape, "(batch, capsules, dimension)")
        self.kernel = self.add_weight(
            name="kernel",
            shape=(capsules, dim, self.num_capsules * self.capsule_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.01),
        )

    def call(self, inputs):
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        # The capsules lead and the weights stand right: a batched product of rank 3 that
        # every delegate runs and every quantizer sees the weights of.
        capsules = ops.transpose(ops.cast(inputs, dtype), (1, 0, 2))
        predictions = ops.matmul(capsules, ops.cast(self.kernel, dtype))
        predictions = ops.reshape(predictions, (inputs.shape[1], -1, self.num_capsules, self.capsule_dim))
        constant_predictions = ops.stop_gradient(predictions)

        couplings, agreements = 1.0 / self.num_capsules, 0.0
        # A single vector is coupled with everything: there is nothing to agree on.
        for _ in range(self.iterations - 1 if self.num_capsules > 1 else 0):
            vectors = squash(ops.sum(couplings * constant_predictions, axis=0))
            agreements = agreements + ops.sum(constant_predictions * vectors, axis=-1, keepdims=True)
            couplings = ops.softmax(agreements, axis=2)
        return ops.cast(squash(ops.sum(couplings * predictions, axis=0)), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_capsules, self.capsule_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_capsules": self.num_capsules,
            "capsule_dim": self.capsule_dim,
            "iterations": self.iterations,
        }


def squash(vectors, epsilon: float = 1e-12):
    """Shortens vectors to a length below 1 (Sabour et al. 2017, equation 1).

    `s |s| / (1 + |s|^2)`, computed on vectors divided by their largest component where that exceeds
    1, so that neither a zero vector nor a very long one divides by zero or overflows. The divisor
    cancels from the result, hence from the gradient too, and is held constant.

    Args:
        vectors: `(..., d)`, floating point.
        epsilon: added under the square root, for its gradient at zero.

    Returns:
        Same shape and dtype.
    """
    divisor = ops.stop_gradient(ops.maximum(ops.max(ops.abs(vectors), axis=-1, keepdims=True), 1.0))
    vectors = vectors / divisor
    squared_length = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.sqrt(squared_length + epsilon) / (ops.square(1.0 / divisor) + squared_length)
