"""What a network costs to run."""

import math

import keras
import tensorflow as tf


def multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of convolutions and matrix products for one image; everything else is left out.

    Args:
        model: a functional model with one input of known size.

    Returns:
        The sum over the operations of TensorFlow's graph of the model.
    """
    image = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(image).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type == "Conv2D":
            kernel = operation.inputs[1].shape  # height, width, channels in, channels out
            total += operation.outputs[0].shape.num_elements() * math.prod(kernel[:3])
        elif operation.type == "Conv2DBackpropInput":  # a transposed convolution
            kernel = operation.inputs[1].shape  # height, width, channels out, channels in
            total += operation.inputs[2].shape.num_elements() * math.prod(kernel[:3])
        elif operation.type in ("MatMul", "BatchMatMulV2"):
            total += operation.outputs[0].shape.num_elements() * operation.inputs[0].shape[-1]
    return total
