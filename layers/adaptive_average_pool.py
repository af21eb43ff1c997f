"""Average pooling to a grid of a given size, whatever the size of the map."""

import keras
import numpy as np
from keras import ops


def adaptive_average_pool(features, size: int):
    """Averages `features` over the cells of a `size` x `size` grid.

    Cell `i` of an axis of length `n` covers the positions from `floor(i * n / size)` up to but not
    including `ceil((i + 1) * n / size)`, as in PyTorch's `adaptive_avg_pool2d`: neighbouring cells
    overlap where `size` does not divide `n`.

    Args:
        features: `(batch, height, width, channels)`, floating point, height and width known.
        size: cells along each side, at most `min(height, width)`.

    Returns:
        `(batch, size, size, channels)`, same dtype.
    """
    _, height, width, channels = features.shape
    if size == height == width:
        return features
    wide = ops.cast(features, keras.backend.result_type(features.dtype, "float32"))  # half precision cannot sum
    if height % size == 0 and width % size == 0:
        cell = (height // size, width // size)
        pooled = ops.average_pool(wide, cell, strides=cell)
    else:
        # Cells of unequal size: one matrix product, which every exporter and delegate knows.
        shares = np.einsum("ik,jl->ijkl", cell_weights(height, size), cell_weights(width, size))
        shares = ops.convert_to_tensor(shares.reshape(height * width, size * size), wide.dtype)
        columns = ops.transpose(ops.reshape(wide, (-1, height * width, channels)), (0, 2, 1))
        pooled = ops.transpose(ops.matmul(columns, shares), (0, 2, 1))
        pooled = ops.reshape(pooled, (-1, size, size, channels))
    return ops.cast(pooled, features.dtype)


def cell_weights(length: int, size: int) -> np.ndarray:
    """The share of each position in each cell of an axis: `(length, size)`, columns sum to 1."""
    weights = np.zeros((length, size))
    for cell in range(size):
        start, stop = cell * length // size, -(-(cell + 1) * length // size)
        weights[start:stop, cell] = 1.0 / (stop - start)
    return weights
