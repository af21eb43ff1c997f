"""Photographs that look the same, such as the frames of a burst, by their perceptual hashes."""

import imagehash
import numpy as np
from PIL import Image

SIDE = 16  # of a hash, in bits
FURTHEST = 16  # bits, of 256, in which frames of a burst differ; other parts of the same kind differ in more
AT_A_TIME = 256  # rows that are compared with all others


def look_of(pixels: np.ndarray) -> np.ndarray:
    """The perceptual hash of an image, `(4,)`, uint64: alike for images that look alike.

    Source: `imagehash.phash`, the signs of the low frequencies of the cosine transform.

    Args:
        pixels: `(height, width, 1 or 3)`, uint8.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return np.packbits(imagehash.phash(image, hash_size=SIDE).hash).view("uint64")


def nearest(looks: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each look the nearest of the others.

    Args:
        looks: `(n, 4)`, uint64.
        others: `(m, 4)`, uint64, at least one.

    Returns:
        Which it is and in how many bits it differs, `(n,)` each.
    """
    place, distance = np.zeros(len(looks), "int64"), np.zeros(len(looks), "int64")
    for start in range(0, len(looks), AT_A_TIME):
        some = slice(start, start + AT_A_TIME)
        differing = np.bitwise_count(looks[some, None] ^ others[None]).sum(axis=-1, dtype="int64")
        place[some] = differing.argmin(axis=1)
        distance[some] = differing.min(axis=1)
    return place, distance
