"""Images in batches of a fixed size."""

import numpy as np
import pytest

from export.batches import filled_batches


@pytest.mark.parametrize(
    ("count", "size", "expected"), [(4, 2, [[0, 1], [2, 3]]), (3, 2, [[0, 1], [2, 2]]), (1, 3, [[0, 0, 0]])]
)
def test_every_image_comes_in_order_and_the_last_one_fills_up(count, size, expected):
    images = [np.full((2, 2, 1), value, "uint8") for value in range(count)]
    batches = list(filled_batches(images, size))
    assert [batch[:, 0, 0, 0].tolist() for batch in batches] == expected
    assert all(batch.shape == (size, 2, 2, 1) and batch.dtype == np.uint8 for batch in batches)
