"""From an image file to pixels. Pillow reads every format, so that training and prediction cannot differ."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MAX_PIXELS = 64_000_000  # 8000 x 8000: 192 MB of pixels
MAX_BYTES = 512 << 20

Image.MAX_IMAGE_PIXELS = None  # the bound above holds, before a pixel is decoded


class UnreadableImageError(Exception):
    """A file cannot be read as an image; the message is a reason in a few words."""


def decode_file(path: str | bytes | Path) -> np.ndarray:
    """Reads an image file; see `decode`.

    Raises:
        UnreadableImageError: also where the file cannot be opened.
    """
    return decode_bytes(read_content(path))


def read_content(path: str | bytes | Path) -> bytes:
    """The bytes of a file, at most one more than are decoded.

    Raises:
        UnreadableImageError: the file cannot be opened.
    """
    try:
        # O_NONBLOCK: opening a named pipe would wait for ever.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            return file.read(MAX_BYTES + 1) or b""
    except IsADirectoryError:
        raise UnreadableImageError("is a folder, not a file") from None
    except FileNotFoundError:
        raise UnreadableImageError("is a link to nothing" if os.path.islink(path) else "does not exist") from None
    except OSError as error:
        raise UnreadableImageError(f"cannot be opened: {error.strerror}") from None


def decode_bytes(content: bytes) -> np.ndarray:
    """The pixels of `decode`."""
    return decode(content)[0]


def decode(content: bytes) -> tuple[np.ndarray, str]:
    """Decodes a PNG, JPEG, BMP, GIF (first frame), WebP or TIFF.

    The EXIF orientation is applied, alpha is dropped, 16 bit become 8.

    Args:
        content: the bytes of the file, at most 512 MiB, at most 64 megapixels.

    Returns:
        `(height, width, 1)` for grey images and `(height, width, 3)` for all others, uint8, 0 to 255; and the
        mode of the file as Pillow calls it: L, RGB, RGBA, P, I;16, ...

    Raises:
        UnreadableImageError: no such image, cut short, or too large; it is then not decoded.
    """
    if not content:
        raise UnreadableImageError("is empty")
    if len(content) > MAX_BYTES:
        raise UnreadableImageError(f"is larger than {MAX_BYTES >> 20} MiB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, of no interest where the pixels are sound
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise UnreadableImageError(
                        f"has {width} x {height} pixels, more than the {MAX_PIXELS // 10**6} megapixels that are read"
                    )
                return _pixels(ImageOps.exif_transpose(image)), image.mode
    except UnidentifiedImageError:
        raise UnreadableImageError(f"is no image in one of {', '.join(FORMATS)}") from None
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they meet
        raise UnreadableImageError(f"is damaged: {' '.join(str(error).split())[:100]}") from None


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bit grey, in 16 or 32 bits
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadableImageError("has grey values beyond 16 bit")
        return np.round(values / 257).astype("uint8")[..., None]
    if image.mode == "F":
        raise UnreadableImageError("has floating-point pixels; save it with 8 or 16 bit")
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))


def grey_in_colour(pixels: np.ndarray) -> bool:
    """Whether an image `(height, width, 1 or 3)` has no colour."""
    return pixels.shape[2] == 1 or bool(
        np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    )
