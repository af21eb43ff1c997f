"""Pictures as data: URIs, so that a page holds all that it shows."""

import base64
import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

FIGURE_BYTES, THUMBNAIL_BYTES = 120_000, 16_000  # the most that is kept without loss
THUMBNAIL_SIDE = 256


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture for an `img` element.

    Attributes:
        uri: `data:image/...;base64,...`.
        width, height: in pixels.
    """

    uri: str
    width: int
    height: int


def figure(path: Path) -> Picture:
    """A picture from a file: PNG, or WebP at high quality where a PNG would take more than 120 kB.

    Raises:
        OSError: the file is missing or no picture.
    """
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
    page = Image.new("RGBA", rgba.size, "white")
    return _encode(Image.alpha_composite(page, rgba).convert("RGB"), FIGURE_BYTES)


def thumbnail(image: np.ndarray) -> Picture:
    """A picture from pixels, made smaller where a side is longer than 256.

    Args:
        image: `(height, width)`, `(height, width, 1)` or `(height, width, 3)`, uint8.

    Raises:
        ValueError: another dtype or shape.
    """
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3))):
        raise ValueError(f"an image must be uint8 with 1 or 3 channels, got {image.dtype} {image.shape}")
    pixels = np.ascontiguousarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    small = Image.fromarray(pixels)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return _encode(small, THUMBNAIL_BYTES)


def _encode(image: Image.Image, lossless: int) -> Picture:
    buffer, kind = io.BytesIO(), "png"
    image.save(buffer, "PNG")
    if buffer.tell() > lossless:
        # Photographs: as PNG, a page of them would take tens of megabytes.
        buffer, kind = io.BytesIO(), "webp"
        image.save(buffer, "WEBP", quality=85)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/{kind};base64,{encoded}", *image.size)
