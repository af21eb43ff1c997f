"""Feature maps seen with their neighbourhood, and brought from one size to another."""

import functools

import numpy as np
from keras import ops


def in_context(features, context: int):
    """Each place averaged with its neighbours.

    Zeros count beyond the edge (PyTorch's `count_include_pad`), which makes border places quieter.

    Args:
        features: `(batch, height, width, channels)`.
        context: side of the neighbourhood in places, odd; 1 changes nothing.

    Returns:
        The same shape.
    """
    if context == 1:
        return features
    rim = context // 2
    padded = ops.pad(features, ((0, 0), (rim, rim), (rim, rim), (0, 0)))
    return ops.average_pool(padded, context, strides=1, padding="valid")


def resized_map(maps, size: tuple[int, int], sigma: float = 0.0):
    """Bilinear interpolation, as `ops.image.resize`, and then a Gaussian, in two matrix products.

    Args:
        maps: `(batch, height, width)`.
        size: the new height and width, no smaller.
        sigma: of the Gaussian, in new places; 0: none. The border is repeated.

    Returns:
        `(batch, *size)`.
    """
    rows, columns = (resizing_matrix(old, new, sigma) for old, new in zip(maps.shape[1:3], size, strict=True))
    if maps.shape[1:3] == size and not sigma:
        return maps
    # Rank 2 from the right only: a batched product of a constant with a map costs delegates a transposition.
    wide = ops.matmul(ops.reshape(maps, (-1, maps.shape[2])), ops.convert_to_tensor(columns.T))
    wide = ops.transpose(ops.reshape(wide, (-1, maps.shape[1], size[1])), (0, 2, 1))
    tall = ops.matmul(ops.reshape(wide, (-1, maps.shape[1])), ops.convert_to_tensor(rows.T))
    return ops.transpose(ops.reshape(tall, (-1, size[1], size[0])), (0, 2, 1))


@functools.cache
def resizing_matrix(length: int, size: int, sigma: float = 0.0) -> np.ndarray:
    """The weight of each of `length` values in each of `size`, no fewer: `(size, length)`, float32, rows sum to 1."""
    places = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    matrix = np.maximum(1 - np.abs(places[:, None] - np.arange(length)), 0)
    if sigma:
        reach = int(np.ceil(3 * sigma))
        weights = np.exp(-np.square(np.arange(-reach, reach + 1)) / (2 * sigma**2))
        nearest = np.clip(np.arange(size)[:, None] + np.arange(-reach, reach + 1), 0, size - 1)
        matrix = (matrix[nearest] * (weights / weights.sum())[None, :, None]).sum(1)
    return matrix.astype("float32")
