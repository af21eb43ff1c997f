"""Structural similarity, as matrix products on small images and as convolutions on large ones."""

import functools

import keras
import numpy as np
from keras import ops

LARGE = 64  # pixels: from here on a convolution is faster than a product with a mostly empty matrix
SIGMA = 1.5  # of the Gaussian window, in pixels (Wang et al. 2004)
K1, K2 = 0.01, 0.03


def ssim_map(a, b, window: int):
    """Structural similarity at every place where the window fits (Wang et al. 2004, equation 13).

    The mean over positions and channels equals `tf.image.ssim(a, b, max_val=1.0, filter_size=window)`.
    The Gaussian window is separable, and a filter along one axis is a product with a banded matrix:
    on small images two products are faster than a depthwise convolution.

    Args:
        a, b: `(batch, height, width, channels)`, float, in [0, 1], height and width known.
        window: side of the window in pixels, at most the image's shorter side.

    Returns:
        `(batch, height - window + 1, width - window + 1, channels)`, same dtype, in [-1, 1].

    Raises:
        ValueError: the window does not fit the image.
    """
    height, width = a.shape[1:3]
    check_window(window, height, width)
    maps = [a, b, ops.square(a) + ops.square(b), a * b]
    mean_a, mean_b, squares, product = _filter_each(maps, window)
    mean_product = mean_a * mean_b
    mean_squares = ops.square(mean_a) + ops.square(mean_b)
    luminance = (2.0 * mean_product + K1**2) / (mean_squares + K1**2)
    structure = (2.0 * (product - mean_product) + K2**2) / (squares - mean_squares + K2**2)
    return luminance * structure


def check_window(window: int, height: int, width: int) -> None:
    """Raises `ValueError` unless a window of that side fits an image of that size."""
    if not 1 <= window <= min(height, width):
        raise ValueError(
            f"the SSIM window must be 1 to {min(height, width)} for {height}x{width} images, got {window}."
        )


def filter_valid(images, window: int):
    """Filters `(batch, height, width, channels)` with the Gaussian window where it fits."""
    return _filter(images, window, transposed=False)


def _filter_each(maps: list, window: int) -> list:
    """`filter_valid` of maps of one shape.

    Products are faster one by one: together they would copy all maps twice, and in training the gradient of an image
    that needs none would be filtered as well. A depthwise convolution is faster the more channels it has.
    """
    if max(maps[0].shape[1:3]) < LARGE:
        return [filter_valid(each, window) for each in maps]
    return ops.split(filter_valid(ops.concatenate(maps, axis=-1), window), len(maps), axis=-1)


def filter_transposed(maps, window: int):
    """The transpose of `filter_valid`: spreads every value over the pixels that its window covers.

    The sum over positions stays the same, since the window sums to 1.
    """
    return _filter(maps, window, transposed=True)


def _filter(images, window: int, transposed: bool):
    if max(images.shape[1:3]) >= LARGE:
        return _convolve(images, window, transposed)
    rows, columns = (_band(side, window, transposed) for side in images.shape[1:3])
    x = _multiply_last_axis(ops.transpose(images, (0, 3, 1, 2)), columns)
    x = _multiply_last_axis(ops.transpose(x, (0, 1, 3, 2)), rows)
    return ops.transpose(x, (0, 3, 2, 1))


def _convolve(images, window: int, transposed: bool):
    """The same; the window is symmetric, so that its transpose is itself, on an image with a border of zeros."""
    if transposed:
        rim = (window - 1, window - 1)
        images = ops.pad(images, ((0, 0), rim, rim, (0, 0)))
    dtype = keras.backend.standardize_dtype(images.dtype)
    weights = np.repeat(_window(window)[:, None, None, None], images.shape[3], axis=2)
    x = ops.depthwise_conv(images, ops.convert_to_tensor(weights, dtype))
    return ops.depthwise_conv(x, ops.convert_to_tensor(weights.transpose(1, 0, 2, 3), dtype))


def _multiply_last_axis(x, matrix: np.ndarray):
    """`x @ matrix` as a product of two matrices: a batched one of rank 4 crashes in TensorFlow 2.21's oneDNN."""
    matrix = ops.convert_to_tensor(matrix, keras.backend.standardize_dtype(x.dtype))
    product = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), matrix)
    return ops.reshape(product, (-1, *x.shape[1:-1], matrix.shape[1]))


@functools.cache
def _band(length: int, window: int, transposed: bool) -> np.ndarray:
    """The banded matrix that filters an axis of `length`, to be multiplied from the right, float32."""
    weights = _window(window)
    inner = length if transposed else length - window + 1
    band = np.zeros((inner + window - 1, inner), "float32")
    for position in range(inner):
        band[position : position + window, position] = weights
    return band.T if transposed else band


def _window(window: int) -> np.ndarray:
    """The Gaussian window along one axis, `(window,)`; its sum is 1."""
    offsets = np.arange(window) - (window - 1) / 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    return weights / weights.sum()
