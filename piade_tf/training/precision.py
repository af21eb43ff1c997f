"""What the layers compute in while a network is trained, and the network in float32 that is kept of it.

Mixed precision (Micikevicius et al. 2018, arXiv 1710.03740): weights are float32 and cast for each use, so that the
trained ones fit a network that computes in float32.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Literal

import keras

from piade_tf.config import NetworkConfig
from piade_tf.data import DataSplits
from piade_tf.model.network import build_network

Precision = Literal["float32", "bfloat16", "float16"]
POLICIES: dict[Precision, str] = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@contextlib.contextmanager
def layers_in(precision: Precision) -> Iterator[None]:
    """Layers that are made within compute in that precision, with weights in float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(network: keras.Model, options: NetworkConfig, data: DataSplits) -> keras.Model:
    """The network itself where all of it computes in float32, else another one that does, with the same weights.

    Args:
        network: trained.
        options: that it was built with.
        data: the splits that it was built for; the shape and the kind of the images count.
    """
    if all(layer.compute_dtype == "float32" for layer in network.layers):
        return network
    without_weights = dataclasses.replace(options, encoder_weights="random")  # they come from the network
    kept = build_network(without_weights, *data.image_shape, data.kind)
    kept.set_weights(network.get_weights())
    return kept
