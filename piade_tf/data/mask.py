"""Masks of defects, as the tools that draw them write them."""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from piade_tf.data.decode import UnreadableImageError, opened, read_content
from piade_tf.pixels import WHITE

SEPARATOR = "\0"  # between the paths of several masks of one image: no path has it
MOST_CLASSES = 32  # values below are numbers of classes, not shades
LOSSY = ("JPEG", "WEBP", "HEIF", "AVIF")  # in which black is not quite black


@dataclasses.dataclass(frozen=True, slots=True)
class Mask:
    """A mask as it was read.

    Attributes:
        anomalous: `(height, width)`, bool.
        from_alpha: whether it was found in the alpha channel of a picture of one colour.
    """

    anomalous: np.ndarray
    from_alpha: bool = False


def read_mask(path: str | bytes | Path) -> Mask:
    """Reads what is anomalous from a mask file.

    Two values, whatever they are: the higher is anomalous. Whole numbers below 32, or colours of a palette: all but 0
    are. Shades: those above half of white are; of 16 bits that use fewer, above half of the brightest. A picture of
    one colour with an alpha channel that varies: the alpha channel is the mask.

    Raises:
        UnreadableImageError: no image.
    """
    with opened(read_content(path)) as image:
        kind, values, from_alpha = image.format, *_values(image)
    shades = np.unique(values)
    if values.dtype == bool:
        anomalous = values
    elif kind in LOSSY and not from_alpha:
        anomalous = values > WHITE // 2
    elif len(shades) == 1:
        anomalous = values > 0
    elif len(shades) == 2:
        anomalous = values == shades[1]
    elif shades[-1] < MOST_CLASSES:
        anomalous = values > 0
    else:
        anomalous = values > (WHITE if shades[-1] <= WHITE else shades[-1]) / 2
    return Mask(anomalous, from_alpha)


def read_masks(paths: str | bytes) -> np.ndarray:
    """The masks of one image, `paths` joined by `SEPARATOR`, as one: `(height, width, 1)`, uint8, 255 where anomalous.

    Raises:
        UnreadableImageError: one is no image, or they differ in size.
    """
    separator = SEPARATOR.encode() if isinstance(paths, bytes) else SEPARATOR
    found = [read_mask(path).anomalous for path in paths.split(separator)]  # type: ignore[arg-type]
    if len({one.shape for one in found}) > 1:
        raise UnreadableImageError("has another size than the other masks of its image")
    return (np.any(found, axis=0) * WHITE).astype("uint8")[..., None]


def _values(image: Image.Image) -> tuple[np.ndarray, bool]:
    """`(height, width)` of a mask image, and whether they are its alpha channel."""
    if image.mode == "1":
        return np.asarray(image), False
    if image.mode == "P" and "transparency" not in image.info:
        palette = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
        grey = (palette == palette[:, :1]).all()
        return (np.asarray(image.convert("L")) if grey else np.asarray(image) > 0), False
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA", "P"):
        *colours, alpha = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
        if alpha.min() < alpha.max() and all(band.min() == band.max() for band in colours):
            return alpha, True
        return np.max(colours, axis=0), False
    if image.mode.startswith(("I", "F")) or image.mode == "L":
        return np.asarray(image), False
    return np.asarray(image.convert("RGB")).max(-1), False
