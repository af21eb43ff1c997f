"""Batch normalisation in one operation while a network is trained, where Keras takes a dozen."""

import functools
from typing import Any

import keras
import tensorflow as tf


def fuse_normalization(network: keras.Model) -> None:
    """Has the batch normalisations of images or maps compute with TensorFlow's fused operation in training.

    The same outputs, gradients and moving averages as Keras' own up to rounding, in less time. Trained and saved
    weights, configurations and what is computed outside training are those of Keras' layer.

    Args:
        network: whose layers are changed in place; those of vectors and frozen ones stay as they are.
    """
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and layer.input_spec.ndim == 4 and _is_plain(layer):
            layer.call = functools.partial(_call, layer, layer.call)


def _is_plain(layer: Any) -> bool:
    """Whether the operation can do what the layer is configured for."""
    return layer.trainable and layer.axis in (-1, 3) and layer.scale and layer.center and not layer.renorm


def _call(layer: Any, keras_call, inputs, training=None, mask=None):
    """What `layer` computes, `keras_call` outside training."""
    if not (training and layer.trainable) or mask is not None:
        return keras_call(inputs, training=training, mask=mask)
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        tf.cast(inputs, tf.float32), tf.identity(layer.gamma), tf.identity(layer.beta), epsilon=layer.epsilon
    )
    count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
    # The operation gives the variance of an unbiased estimate, Keras averages that of the batch.
    of_the_batch = tf.math.multiply_no_nan(variance, (count - 1) / count)  # a single value may have NaN on a GPU
    for average, of_batch in ((layer.moving_mean, mean), (layer.moving_variance, of_the_batch)):
        average.assign(average * layer.momentum + of_batch * (1 - layer.momentum))
    return tf.cast(outputs, layer.compute_dtype)
