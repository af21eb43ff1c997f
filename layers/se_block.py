"""Squeeze-and-Excitation: one weight for each channel, read off the whole feature map."""

import keras
from keras import ops

from layers.checks import known_axes, positive_int


@keras.saving.register_keras_serializable(package="piade")
class SEBlock(keras.layers.Layer):
    """Re-weights the channels of a feature map (Hu et al. 2018, arXiv 1709.01507, equations 2-4).

    The map is averaged over its positions (squeeze), passes a bottleneck of
    `max(1, channels // ratio)` units with ReLU and a layer of `channels` units with a sigmoid
    (excitation), and every channel is multiplied by its own result.

    ```python
    SEBlock(ratio=16)(keras.random.normal((1, 8, 8, 64))).shape   # (1, 8, 8, 64)
    ```

    Args:
        ratio: reduction ratio of the bottleneck, an integer of at least 1. With fewer channels
            than `ratio` the bottleneck has one unit.

    Input shape: `(batch, height, width, channels)`, floating point; height and width may be unknown.
    Output shape: the same, in the layer's compute dtype.

    Raises:
        ValueError: `ratio` is no positive integer; the input has not four axes or an unknown
            number of channels.
    """

    def __init__(self, ratio: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.ratio = positive_int("SEBlock", "ratio", ratio)

    def build(self, input_shape):
        if len(input_shape) == 4:  # height and width are averaged away: they may be unknown
            known_axes("SEBlock", (None, 1, 1, input_shape[3]), "(batch, height, width, channels)")
        else:
            known_axes("SEBlock", input_shape, "(batch, height, width, channels)")
        channels = input_shape[3]
        self.squeeze = keras.layers.Dense(
            max(1, channels // self.ratio),
            activation="relu",
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name="squeeze",
        )
        self.excite = keras.layers.Dense(channels, activation="sigmoid", dtype=self.dtype_policy, name="excite")
        self.squeeze.build((None, 1, 1, channels))
        self.excite.build((None, 1, 1, self.squeeze.units))

    def call(self, inputs):
        weights = ops.mean(inputs, axis=(1, 2), keepdims=True)
        return inputs * self.excite(self.squeeze(weights))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}
