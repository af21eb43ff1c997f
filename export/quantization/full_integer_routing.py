"""The network with routing and choice of the longest vector in operators that integers have."""

from typing import Any

import keras
from keras import ops

from layers import DynamicRouting, LongestVector

EPSILON = 1e-3  # below the step of a squared length in 16 bits: for the ranges, which are measured in floats
EDGES = (0.0, 16.0, 256.0)  # where bands of squared length, before squashing, begin
SHARPNESS = 2.0**13  # vectors are blended whose squared lengths, 0 to 1, differ by less than about 5 / SHARPNESS


class RoutingInIntegers(DynamicRouting):
    """`DynamicRouting` by products, sums, softmax and reciprocal roots.

    Quotients, roots and absolute values have no kernels for integers of 16 bits, and 8 bits do not hold a length and
    its square.
    """

    def call(self, inputs):
        predictions = ops.matmul(ops.transpose(inputs, (1, 0, 2)), self.kernel)
        predictions = ops.reshape(predictions, (inputs.shape[1], -1, self.num_capsules, self.capsule_dim))
        vectors = _squash(ops.sum(predictions, axis=0) * (1.0 / self.num_capsules))
        agreements = 0.0
        for _ in range(self.iterations - 1 if self.num_capsules > 1 else 0):
            agreements = ops.sum(predictions * vectors, axis=-1) + agreements
            couplings = ops.expand_dims(ops.softmax(agreements, axis=-1), -1)
            vectors = _squash(ops.sum(couplings * predictions, axis=0))
        return vectors


def _squash(vectors):
    """`layers.dynamic_routing.squash` by products, sums, reciprocal roots and ReLUs.

    A reciprocal root of 16 bits is interpolated between 512 places of its whole range: too few for a short vector
    beside a long one. What a vector is multiplied by is therefore summed over bands of its squared length, each of
    which brings what is gained or lost within it.
    """
    squared_length = ops.sum(vectors * vectors, axis=-1, keepdims=True)
    factor = 0.0
    for low, high in zip(EDGES, (*EDGES[1:], None), strict=True):
        within = squared_length if low == 0 else ops.relu(squared_length - low) + low
        if high is not None:
            within = high - ops.relu(high - within)
        factor = factor + _factor(within) - low**0.5 / (1 + low)
    return vectors * factor


def _factor(squared_length):
    """`length / (1 + length^2)`, with the length as its square times its reciprocal."""
    length = squared_length * ops.rsqrt(squared_length + EPSILON)
    root = ops.rsqrt(squared_length + 1.0)
    return length * root * root


class LongestInIntegers(LongestVector):
    """`LongestVector` with a steep softmax as its mask: comparisons leave the integers."""

    def call(self, inputs):
        if inputs.shape[1] == 1:
            return ops.reshape(inputs, (-1, inputs.shape[2]))
        mask = ops.softmax(SHARPNESS * ops.sum(inputs * inputs, axis=-1), axis=-1)
        return ops.sum(inputs * ops.expand_dims(mask, -1), axis=1)


IN_INTEGERS: dict[Any, Any] = {DynamicRouting: RoutingInIntegers, LongestVector: LongestInIntegers}


def network_in_integers(network: keras.Model) -> keras.Model:
    """The same network, weights included, with the layers above in place of their own."""

    def clone(layer: Any) -> Any:
        return IN_INTEGERS.get(type(layer), type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=clone)
    copy.set_weights(network.get_weights())
    return copy
