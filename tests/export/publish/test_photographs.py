"""The photographs of an export: what an app is to make golden images of again."""

import itertools

import numpy as np
import pytest
from PIL import Image

from export.publish.photographs import write_photographs
from piade_tf.data.decode import decode_file
from piade_tf.data.preparation import Preparation

SIZES = [((32, 32), None), ((40, 56), None), ((33, 32), (28, 28)), ((40, 30), (29, 30)), ((256, 256), (224, 224))]


def part(height, width, channels):
    """A ring on a slope, which has edges and no symmetry."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    ring = np.abs(np.hypot(y - 0.4, x - 0.6) - 0.3) < 0.08
    slopes = [40 + 150 * (y * (i + 1) + x * (3 - i)) / 4 for i in range(channels)]
    return np.stack([np.where(ring, 230 - 60 * i, slope) for i, slope in enumerate(slopes)], axis=-1).astype("uint8")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize, sizes", itertools.product(("stretch", "pad", "crop"), SIZES))
def test_a_photograph_becomes_its_golden_image_again(resize, sizes, channels, tmp_path):
    preparation = Preparation(sizes[0], resize, sizes[1], channels)
    golden = [part(*preparation.shape), part(*preparation.shape)[::-1]]
    write_photographs(tmp_path, [(image, {}) for image in golden], {}, {}, preparation)
    for number, image in enumerate(golden):
        path = tmp_path / f"photograph_{number}.jpg"
        lost = np.abs(preparation(decode_file(path)).astype(int) - image)
        assert lost.mean() < 0.5 and lost.max() <= 20, (lost.mean(), lost.max())
        with Image.open(path) as stored:
            assert min(stored.size) >= 2 * min(sizes[0]) and max(stored.size) >= 900


def test_what_is_stretched_in_training_is_taken_with_another_aspect_ratio(tmp_path):
    preparation = Preparation((32, 32), "stretch")
    write_photographs(tmp_path, [(part(32, 32, 1), {})], {}, {}, preparation)
    with Image.open(tmp_path / "photograph_0.jpg") as stored:
        assert sorted(stored.size) == [720, 960]
