"""Photographs that look the same, such as the frames of a burst, by their perceptual hashes."""

from collections.abc import Sequence

import imagehash
import numpy as np
from PIL import Image

from piade_tf.data.alike import shown

SIDE = 16  # of a hash, in bits
FURTHEST = 10  # bits, of 256: parts that lie in a fixture differ in more, two frames of a still camera in less
TELLING = 0.1  # share of the images that have such a neighbour
MOST = 20_000  # images that are compared, each with each


def look_of(pixels: np.ndarray) -> bytes:
    """The perceptual hash of an image, 32 bytes: alike for images that look alike.

    Source: `imagehash.phash`, the signs of the low frequencies of the cosine transform.

    Args:
        pixels: `(height, width, 1 or 3)`, uint8.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return np.packbits(imagehash.phash(image, hash_size=SIDE).hash).tobytes()


def burst_warning(
    looks: Sequence[bytes], names: Sequence[str], remedy: str = "--group-by keeps them together"
) -> str | None:
    """A sentence where a tenth of the images or more look like another one.

    Args:
        looks: as `look_of` gives them.
        names: of the images.
        remedy: what to do about it.
    """
    bits = np.frombuffer(b"".join(looks[:MOST]), "uint64").reshape(-1, SIDE * SIDE // 64)
    pairs = []
    for i in range(1, len(bits)):  # each with those before it, so that of a burst all but the first frame count
        differing = np.bitwise_count(bits[i] ^ bits[:i]).sum(axis=1, dtype="int64")
        if differing.min() <= FURTHEST:
            pairs.append(f"{names[i]} like {names[int(differing.argmin())]}")
    if len(pairs) < max(TELLING * len(bits), 2):
        return None
    return (
        f"{len(pairs)} of {len(bits)} good images look like another one, as frames of a burst do: {shown(pairs)}. "
        f"Where one is learned and the other judged, results look better than they are; {remedy}"
    )
