"""Images in batches of a fixed size, as a file with such a batch takes them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


def filled_batches(images: Sequence[Any] | np.ndarray, size: int) -> Iterator[np.ndarray]:
    """All images in order, `(size, height, width, channels)` at a time; the last one fills up the last batch.

    Args:
        images: `(height, width, channels)` each.
        size: of a batch, at least 1.
    """
    for start in range(0, len(images), size):
        chunk = np.asarray(images[start : start + size])
        yield np.concatenate([chunk, np.repeat(chunk[-1:], size - len(chunk), axis=0)])
