"""A network as TensorBoard draws it."""

import re

import keras
import tensorflow as tf


def layer_graph(network: keras.Model) -> tf.compat.v1.GraphDef:
    """The network with a node a layer, those of a block or a part in one box.

    A graph of its operations would have over a thousand nodes.
    """
    graph = tf.compat.v1.GraphDef()
    for layer in network.layers:
        node = graph.node.add(name=_boxed(layer.name), op=type(layer).__name__)
        if not isinstance(layer, keras.layers.InputLayer):
            node.input.extend(
                _boxed(tensor._keras_history.operation.name) for tensor in keras.tree.flatten(layer.input)
            )
        shapes = [tf.TensorShape(tensor.shape).as_proto() for tensor in keras.tree.flatten(layer.output)]
        node.attr["_output_shapes"].list.shape.extend(shapes)
    return graph


def _boxed(layer_name: str) -> str:
    parts = re.match(r"(stem|stage\d+|upsampling|decoder)_(?:(block\d+)_)?(.+)", layer_name)
    return "/".join(part for part in parts.groups() if part) if parts else layer_name
