"""What a phone does to an image on its way to the network, and what must not raise an alarm."""

import io

import numpy as np
from PIL import Image

from piade_tf.data.preparation import KERNELS, Preparation
from piade_tf.pixels import WHITE

JPEG_QUALITY = 90
LEVELS = 1  # of 255, by which all pixels are brighter or darker


def jittered(pixels: np.ndarray, preparation: Preparation, rng: np.random.Generator) -> np.ndarray:
    """An image prepared as another device might: another resize kernel, one grey level more or less, JPEG at 90.

    Args:
        pixels: `(h, w, 1 or 3)`, uint8, of any size.
        preparation: of the run.
        rng: draws kernel and level.

    Returns:
        `preparation.shape`, uint8.
    """
    prepared = preparation(pixels, kernel=KERNELS[rng.integers(len(KERNELS))])
    shifted = prepared.astype("int16") + rng.integers(-LEVELS, LEVELS + 1)
    return _through_jpeg(np.clip(shifted, 0, WHITE).astype("uint8"))


def _through_jpeg(image: np.ndarray) -> np.ndarray:
    content = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(content, "JPEG", quality=JPEG_QUALITY)
    decoded = np.asarray(Image.open(content))
    return decoded.reshape(image.shape)
