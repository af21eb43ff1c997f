"""Features seen at several magnifications, cut into capsules."""

from collections.abc import Sequence
from numbers import Real

import keras
from keras import ops

from layers.adaptive_average_pool import adaptive_average_pool
from layers.checks import known_axes, positive_int


@keras.saving.register_keras_serializable(package="piade")
class PyramidPooling(keras.layers.Layer):
    """Pools a feature map at several magnifications and stacks the results as capsules.

    For each magnification m: adaptive average pooling to an m x m grid, a 1x1 convolution to
    `channels // m` channels, batch normalisation, ReLU; then all levels are reshaped to vectors of
    `capsule_dim` numbers and stacked (Mishra et al. 2020, section on pyramidal pooling; with
    `grid=False` as in the code that its authors released).

    ```python
    PyramidPooling((1, 2, 4), capsule_dim=8)(keras.random.normal((1, 4, 4, 96))).shape   # (1, 84, 8)
    ```

    Args:
        magnifications: grid sizes, distinct positive integers.
        capsule_dim: numbers in a capsule, a positive integer.
        grid: `True` pools level m to an m x m grid; `False` pools every level to 1x1, so that a
            magnification only divides the channels.
        momentum: of the batch normalisations, between 0 and 1.

    Input shape: `(batch, height, width, channels)`, floating point, all but the batch known.
    Output shape: `(batch, n, capsule_dim)`, non-negative, in the layer's compute dtype; n is the sum
        over the levels of `cells * (channels // m) / capsule_dim`.

    Raises:
        ValueError: an argument is out of range; a magnification is larger than the feature map or
            than the number of channels; a level cannot be cut into capsules of `capsule_dim`.
    """

    def __init__(
        self,
        magnifications: Sequence[int] = (1, 2, 4, 8),
        capsule_dim: int = 8,
        grid: bool = True,
        momentum: float = 0.9,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(magnifications, Sequence):
            raise ValueError(f"PyramidPooling: `magnifications` must be a sequence, got {magnifications!r}.")
        self.magnifications: tuple[int, ...] = tuple(
            positive_int("PyramidPooling", "magnifications", m) for m in magnifications
        )
        if not self.magnifications or len(set(self.magnifications)) < len(self.magnifications):
            raise ValueError(f"PyramidPooling: `magnifications` must be distinct and not empty, got {magnifications}.")
        if not (isinstance(momentum, Real) and 0 < momentum < 1):
            raise ValueError(f"PyramidPooling: `momentum` must lie between 0 and 1, got {momentum!r}.")
        self.capsule_dim: int = positive_int("PyramidPooling", "capsule_dim", capsule_dim)
        self.grid: bool = bool(grid)
        self.momentum: float = momentum

    def build(self, input_shape):
        self._count_capsules(input_shape)  # refuses a shape that does not fit
        channels = input_shape[3]
        self.convolutions, self.normalizations = [], []
        for m in self.magnifications:
            filters, side = channels // m, self._side(m)
            convolution = keras.layers.Conv2D(
                filters,
                1,
                use_bias=False,
                kernel_initializer="he_normal",
                dtype=self.dtype_policy,
                name=f"convolution_{m}",
            )
            convolution.build((None, side, side, channels))
            normalization = keras.layers.BatchNormalization(
                momentum=self.momentum, dtype=self.dtype_policy, name=f"normalization_{m}"
            )
            normalization.build((None, side, side, filters))
            self.convolutions.append(convolution)
            self.normalizations.append(normalization)

    def call(self, inputs, training=None):
        levels = []
        for m, convolution, normalization in zip(
            self.magnifications, self.convolutions, self.normalizations, strict=True
        ):
            level = convolution(adaptive_average_pool(inputs, self._side(m)))
            level = ops.relu(normalization(level, training=training))
            capsules = level.shape[1] * level.shape[2] * level.shape[3] // self.capsule_dim
            levels.append(ops.reshape(level, (-1, capsules, self.capsule_dim)))
        return ops.concatenate(levels, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._count_capsules(input_shape), self.capsule_dim)

    def _side(self, magnification: int) -> int:
        return magnification if self.grid else 1

    def _count_capsules(self, input_shape) -> int:
        height, width, channels = known_axes("PyramidPooling", input_shape, "(batch, height, width, channels)")
        largest = max(self._side(m) for m in self.magnifications)
        if largest > min(height, width):
            raise ValueError(
                f"PyramidPooling: magnification {largest} does not fit a feature map of {height}x{width}. "
                f"Use magnifications of at most {min(height, width)}, larger images, or a smaller encoder stride."
            )
        if max(self.magnifications) > channels:
            raise ValueError(
                f"PyramidPooling: magnification {max(self.magnifications)} leaves no channel of {channels}. "
                f"Use magnifications of at most {channels}, or more channels."
            )
        capsules = 0
        for m in self.magnifications:
            values = self._side(m) ** 2 * (channels // m)
            if values % self.capsule_dim:
                raise ValueError(
                    f"PyramidPooling: the {values} values of magnification {m} ({channels} // {m} channels on a "
                    f"{self._side(m)}x{self._side(m)} grid) cannot be cut into capsules of {self.capsule_dim}. "
                    f"Use a number of channels that {m * self.capsule_dim} divides, or another capsule_dim."
                )
            capsules += values // self.capsule_dim
        return capsules

    def get_config(self):
        return {
            **super().get_config(),
            "magnifications": self.magnifications,
            "capsule_dim": self.capsule_dim,
            "grid": self.grid,
            "momentum": self.momentum,
        }
