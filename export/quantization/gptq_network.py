"""A network whose convolutions can be stored in 8 bits: what they put out stays the same.

Rounded to the nearest step, the errors of a kernel's weights add up wherever its inputs are alike, as neighbouring
pixels are. Here weights are rounded one after the other, and those still to be rounded make up for the error.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from export.quantization.gptq import round_columns
from piade_tf.pixels import to_unit

BATCH = 10  # images whose patches are in memory at a time


def rounded(network: keras.Model, images: Sequence[np.ndarray]) -> keras.Model:
    """A copy of the network whose convolutions lose nothing more when their kernels are stored in 8 bits.

    Layer after layer in the order of the image: a kernel is rounded for the inputs that the rounded layers before it
    give, and batch normalisation takes off what has moved of its input's mean.

    Args:
        network: with convolutions of one scale an output channel, none a group. Transposed ones stay as they are.
        images: normal images, `(height, width, channels)`, uint8.

    Source of the second: Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction",
    arXiv 1906.04721, section 4.2, but with measured means.
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    scaled = to_unit(np.stack(images))
    exact, found = _Values(network), _Values(network)
    last = max(i for i, layer in enumerate(network.layers) if isinstance(layer, keras.layers.Conv2D))
    for layer in network.layers[: last + 1]:
        twin = copy.get_layer(layer.name)
        if isinstance(layer, keras.layers.Conv2D):
            twin.kernel.assign(_rounded_kernel(layer, found.inputs(layer)))
        elif isinstance(layer, keras.layers.BatchNormalization):
            moved = ops.mean(found.inputs(layer) - exact.inputs(layer), axis=tuple(range(len(layer.input.shape) - 1)))
            twin.moving_mean.assign_add(moved)
        exact.run(layer, layer, scaled)
        found.run(layer, twin, scaled)
    return copy


class _Values:
    """What flows through a functional model, kept for as long as a layer needs it."""

    def __init__(self, network: keras.Model):
        self._last_use = {id(tensor): layer.name for layer in network.layers for tensor in _inputs(layer)}
        self._values: dict[int, Any] = {}

    def inputs(self, layer: keras.Layer) -> Any:
        return keras.tree.map_structure(lambda tensor: self._values[id(tensor)], layer.input)

    def run(self, layer: keras.Layer, twin: keras.Layer, images: np.ndarray) -> None:
        """Puts through `twin` what `layer` would get."""
        is_input = isinstance(layer, keras.layers.InputLayer)
        self._values[id(layer.output)] = images if is_input else twin(self.inputs(layer), training=False)
        for tensor in _inputs(layer):
            if self._last_use[id(tensor)] == layer.name:
                del self._values[id(tensor)]


def _inputs(layer: keras.Layer) -> list[Any]:
    return [] if isinstance(layer, keras.layers.InputLayer) else keras.tree.flatten(layer.input)


def _rounded_kernel(layer: Any, inputs: Any) -> np.ndarray:
    kernel = np.asarray(layer.kernel, "float64")
    columns = kernel.reshape(-1, kernel.shape[-1])
    moment = np.zeros((len(columns), len(columns)))
    for start in range(0, len(inputs), BATCH):
        batch = inputs[start : start + BATCH]
        patches = ops.image.extract_patches(batch, layer.kernel_size, layer.strides, padding=layer.padding)
        rows = np.asarray(patches, "float64").reshape(-1, len(columns))
        moment += rows.T @ rows
    integers, step = round_columns(columns, moment)
    return (integers * step).reshape(kernel.shape).astype("float32")
