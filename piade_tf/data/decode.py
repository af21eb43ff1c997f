"""From an image file to pixels. Pillow reads every format, so that training and prediction cannot differ."""

import dataclasses
import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from piade_tf.config import DEEPEST
from piade_tf.data.lost_part import lost_part
from piade_tf.data.metadata_chunks import without_metadata
from piade_tf.data.open_at_once import open_at_once
from piade_tf.data.pnm_images import pnm_images
from piade_tf.data.tiff_pages import tiff_pages
from piade_tf.not_opened import not_opened
from piade_tf.pixels import in_eight_bits, share_beyond

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "HEIF", "AVIF", "PPM")
MAX_PIXELS = 64_000_000  # 8000 x 8000: 192 MB of pixels
MAX_BYTES = 512 << 20
DEEP, LARGEST = "16 bits", "largest value"  # what is kept in the `info` of an image
MOST_BEYOND = 0.001  # of the pixels of an image: more than a sensor's hot pixels

Image.MAX_IMAGE_PIXELS = None  # the bound above holds, before a pixel is decoded
pillow_heif.register_heif_opener()


class UnreadableImageError(Exception):
    """A file cannot be read as an image; the message is a reason in a few words."""


class TooManyPixelsError(UnreadableImageError):
    """An image is larger than is decoded."""


class SeveralImagesError(UnreadableImageError):
    """A file holds more than the one image that would be decoded."""


@dataclasses.dataclass(frozen=True, slots=True)
class Decoded:
    """An image file's pixels and what is worth knowing of it.

    Attributes:
        pixels: `(height, width, 1)` for grey images and `(height, width, 3)` for all others, uint8, 0 to 255.
        mode: of the file as Pillow calls it: L, RGB, RGBA, P, I;16, ...
        deepest: the largest value of a grey image of more than 8 bits; 0 for all others.
        deep_colour: whether it is a colour image of 16 bits, of which the upper 8 were read.
        beyond: share of the grey values that do not fit the bits in use and were cut, 0 to 1.
    """

    pixels: np.ndarray
    mode: str
    deepest: int = 0
    deep_colour: bool = False
    beyond: float = 0.0

    def within(self, bits: int) -> np.ndarray:
        """The pixels, to be inspected by a run that was trained for so many bits, with which they were decoded.

        Raises:
            UnreadableImageError: many grey values do not fit; what was cut off would not be inspected.
        """
        if self.beyond > MOST_BEYOND:
            raise UnreadableImageError(
                f"has grey values up to {self.deepest}, and the run was trained for {bits} bits, up to "
                f"{(1 << bits) - 1}; train with more --bits"
            )
        return self.pixels


def decode_file(path: str | bytes | Path, bits: int = DEEPEST) -> np.ndarray:
    """The pixels of an image file; see `decode`.

    Raises:
        UnreadableImageError: also where the file cannot be opened.
    """
    return decode(read_content(path), bits).pixels


def read_content(path: str | bytes | Path) -> bytes:
    """The bytes of a file, at most one more than are decoded.

    Raises:
        UnreadableImageError: the file cannot be opened.
    """
    try:
        with open_at_once(path) as file:
            return file.read(MAX_BYTES + 1) or b""
    except IsADirectoryError:
        raise UnreadableImageError("is a folder, not a file") from None
    except FileNotFoundError:
        raise UnreadableImageError("is a link to nothing" if os.path.islink(path) else "does not exist") from None
    except OSError as error:
        raise UnreadableImageError(not_opened(error)) from None


def decode_bytes(content: bytes) -> np.ndarray:
    """The pixels of `decode`."""
    return decode(content).pixels


def decode(content: bytes, bits: int = DEEPEST, most_pixels: int = MAX_PIXELS) -> Decoded:
    """Decodes a PNG, JPEG, BMP, GIF, WebP, TIFF, HEIC, AVIF, PGM or PPM that holds one image.

    The EXIF orientation is applied, alpha is dropped. Broken metadata is passed over where the pixels are sound.

    Args:
        content: the bytes of the file, at most 512 MiB.
        bits: how many bits of a grey image of more than 8 are in use, 8 to 16: those become 8.
        most_pixels: width times height, at most 64 megapixels unless told otherwise.

    Raises:
        UnreadableImageError: no such image, cut short, one of several in the file, or too large; it is then not
            decoded.
    """
    with opened(content, most_pixels) as image:
        return _decoded(image, bits)


def from_pillow(image: Image.Image, bits: int = DEEPEST) -> Decoded:
    """What `decode` gives for the file of a picture that was opened by Pillow.

    Raises:
        UnreadableImageError: it cannot be loaded, or has grey values that are not read.
    """
    try:
        image.load()
    except Exception as error:
        raise UnreadableImageError(f"is damaged: {' '.join(str(error).split())[:100]}") from None
    return _decoded(_upright(image), bits)


class opened:
    """An image file as Pillow opens it, upright and fully read, for a `with` statement.

    Raises:
        UnreadableImageError: as `decode`.
    """

    def __init__(self, content: bytes, most_pixels: int = MAX_PIXELS):
        if not content:
            raise UnreadableImageError("is empty")
        if len(content) > MAX_BYTES:
            raise UnreadableImageError(f"is larger than {MAX_BYTES >> 20} MiB")
        self.image = _first_that_loads(content, most_pixels)

    def __enter__(self) -> Image.Image:
        return self.image

    def __exit__(self, *_error) -> None:
        self.image.close()


def _first_that_loads(content: bytes, most_pixels: int) -> Image.Image:
    """The image; where that fails, the image without its metadata, which the pixels do not need."""
    try:
        return _loaded(content, most_pixels)
    except (TooManyPixelsError, SeveralImagesError):
        raise
    except UnreadableImageError as error:
        for keep_exif in (True, False):
            stripped = without_metadata(content, keep_exif)
            if stripped == content:
                continue
            try:
                return _loaded(stripped, most_pixels)
            except SeveralImagesError:
                raise
            except UnreadableImageError:
                pass
        raise error from None


def _loaded(content: bytes, most_pixels: int) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, of no interest where the pixels are sound
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            width, height = image.size
            if width * height > most_pixels:
                raise TooManyPixelsError(
                    f"has {width} x {height} pixels, more than the {most_pixels / 10**6:g} megapixels that are read"
                )
            if (count := _count(image, content)) > 1:  # the others would go uninspected
                raise SeveralImagesError(
                    f"holds {count} images, of which one would be read; save each as a file of its own"
                )
            if lost := lost_part(content):
                raise UnreadableImageError(f"is damaged: {lost}")
            image.info[DEEP] = any(_has_sixteen_bits(tile[3]) for tile in image.tile)
            if image.format == "PPM" and image.mode == "I" and isinstance(image.tile[0][3], tuple):
                image.info[LARGEST] = image.tile[0][3][-1]
            image.load()
            return _upright(image)
    except UnidentifiedImageError:
        raise UnreadableImageError(f"is no image in one of {', '.join(FORMATS)}") from None
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they meet
        raise UnreadableImageError(f"is damaged: {' '.join(str(error).split())[:100]}") from None


def _count(image: Image.Image, content: bytes) -> int:
    """How many images a file holds: pages, frames, or the pictures of a HEIC."""
    if image.format == "TIFF":
        return tiff_pages(content)
    if image.format == "PPM":
        return pnm_images(content)
    if image.format == "MPO":  # a JPEG beside which phones store what they derive from it, such as a gain map
        return 1
    return getattr(image, "n_frames", 1)


def _has_sixteen_bits(arguments: Any) -> bool:
    """Whether a colour file has 16 bits a channel, by what Pillow's decoder is told."""
    raw_mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return isinstance(raw_mode, str) and raw_mode.startswith(("RGB", "LA")) and ";16" in raw_mode


def _upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF says; grey with premultiplied alpha, which Pillow converts to nothing else, as LA."""
    kind = image.format
    if image.mode == "La":
        image = image.convert("LA")
        image.format = kind
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception:  # EXIF that cannot be parsed tells of no orientation
        return image
    turned.format = kind
    return turned


def _decoded(image: Image.Image, bits: int) -> Decoded:
    if image.mode.startswith("I"):  # 16 bit grey, in 16 or 32 bits
        values = np.asarray(image)
        if LARGEST in image.info:  # Pillow brings a PGM of 12 bits to 16
            values = np.round(values * (image.info[LARGEST] / 65535)).astype("int32")
        if values.min() < 0 or values.max() > 65535:
            raise UnreadableImageError("has grey values beyond 16 bit")
        pixels = in_eight_bits(values, bits)[..., None]
        return Decoded(pixels, image.mode, int(values.max()), beyond=share_beyond(values, bits))
    if image.mode == "F":
        raise UnreadableImageError("has floating-point pixels; save it with 8 or 16 bit")
    if image.mode in ("1", "L", "LA"):
        return Decoded(_converted(image, "L")[..., None], image.mode)
    return Decoded(_converted(image, "RGB"), image.mode, deep_colour=bool(image.info.get(DEEP)))


def _converted(image: Image.Image, mode: str) -> np.ndarray:
    try:
        return np.asarray(image.convert(mode))
    except ValueError as error:
        reason = " ".join(str(error).split())[:100]
        raise UnreadableImageError(f"cannot be converted to {mode} ({reason}); save it with 8 bits, as RGB") from None


def grey_in_colour(pixels: np.ndarray) -> bool:
    """Whether an image `(height, width, 1 or 3)` has no colour."""
    return pixels.shape[2] == 1 or bool(
        np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    )
