"""Training images that are equal in every pixel: what does not vary cannot be learned."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

NAMES_SHOWN = 5
MOST_ALIKE = 0.5  # of the training images, that are equal to others


def digest_of(pixels: np.ndarray) -> bytes:
    """The same for images that are equal in every pixel, `(height, width, channels)`, uint8, and for no others."""
    shape = repr(pixels.shape).encode()
    return hashlib.blake2b(shape + np.ascontiguousarray(pixels).tobytes(), digest_size=16).digest()


def doubles(digests: Sequence[bytes], names: Sequence[str]) -> list[str]:
    """`COPY = FIRST` for each image that is equal to an earlier one.

    Args:
        digests, names: of the images, in their order.
    """
    first: dict[bytes, str] = {}
    pairs = ((name, first.setdefault(digest, name)) for digest, name in zip(digests, names, strict=True))
    return [f"{name} = {earlier}" for name, earlier in pairs if name != earlier]


def alike_warning(digests: Sequence[bytes], names: Sequence[str]) -> str | None:
    """A sentence where half of the training images or more are equal to others; arguments as in `doubles`."""
    equal, count = doubles(digests, names), len(digests)
    if not equal or len(equal) < MOST_ALIKE * count:
        return None
    different = count - len(equal)
    found = f"all {count} training images are identical" if different == 1 else (
        f"of {count} training images only {different} differ, the others are identical to one of these"
    )  # fmt: skip
    return (
        f"{found} in every pixel: {shown(equal)}; what does not vary cannot be learned, and every other image may be "
        "taken for an anomaly; add photographs of other good parts"
    )


def shown(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = len(listed) - NAMES_SHOWN
    return "; ".join(listed[:NAMES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
