"""Masks of defects, as the tools that draw them write them."""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from piade_tf.data.decode import UnreadableImageError, opened, read_content
from piade_tf.pixels import WHITE

SEPARATOR = "\0"  # between the paths of several masks of one image: no path has it
MOST_CLASSES = 32  # values below are numbers of classes, not shades
BARELY_SEEN = 0.1  # of white; below, black is not quite black
SAME = 0.8  # of what two masks cover together, that both cover
LOSSY = ("JPEG", "WEBP", "HEIF", "AVIF")  # in which black is not quite black


@dataclasses.dataclass(frozen=True, slots=True)
class Mask:
    """A mask as it was read.

    Attributes:
        anomalous: `(height, width)`, bool.
        from_alpha: whether it was found in the alpha channel of a picture of one colour.
        two_ways: whether the colours were read, and an alpha channel says something else.
        faint: whether more of the picture has shades that are not taken for anomalous than shades that are.
    """

    anomalous: np.ndarray
    from_alpha: bool = False
    two_ways: bool = False
    faint: bool = False


def read_mask(path: str | bytes | Path) -> Mask:
    """Reads what is anomalous from a mask file.

    Two values, whatever they are: the higher is anomalous. Whole numbers below 32, or colours of a palette: all but 0
    are. Shades: those above half of white are; of 16 bits that use fewer, and of floating-point numbers, above half of
    the brightest. A picture of one colour with an alpha channel that varies: the alpha channel is the mask.

    Raises:
        UnreadableImageError: no image.
    """
    with opened(read_content(path)) as image:
        lossy, values, alpha = image.format in LOSSY, *_values(image)
    if alpha is not None and values.min() == values.max():
        anomalous, faint = _anomalous(alpha, False)
        return Mask(anomalous, from_alpha=True, faint=faint)
    anomalous, faint = _anomalous(values, lossy)
    two_ways = alpha is not None and _differ(anomalous, _anomalous(alpha, False)[0])
    return Mask(anomalous, two_ways=two_ways, faint=faint)


def read_masks(paths: str | bytes) -> np.ndarray:
    """The masks of one image, `paths` joined by `SEPARATOR`, as one: `(height, width, 1)`, uint8, 255 where anomalous.

    Raises:
        UnreadableImageError: one is no image, or they differ in size.
    """
    separator = SEPARATOR.encode() if isinstance(paths, bytes) else SEPARATOR
    found = joined([read_mask(path).anomalous for path in paths.split(separator)])  # type: ignore[arg-type]
    return (found * WHITE).astype("uint8")[..., None]


def joined(masks: list[np.ndarray]) -> np.ndarray:
    """What is anomalous in any of several masks of one image, `(height, width)`, bool.

    Raises:
        UnreadableImageError: they differ in size.
    """
    if len({one.shape for one in masks}) > 1:
        raise UnreadableImageError("has another size than the other masks of its image")
    return np.any(masks, axis=0)


def _anomalous(values: np.ndarray, lossy: bool) -> tuple[np.ndarray, bool]:
    """Where values are those of a defect, and whether most that are not black are not."""
    shades = np.unique(values)
    if values.dtype == bool:
        return values, False
    if len(shades) == 1:
        return values > (WHITE // 2 if lossy else 0), False
    if len(shades) == 2 and not lossy:
        return values == shades[1], False
    if shades[-1] < MOST_CLASSES and values.dtype.kind != "f" and not lossy:
        return values > 0, False
    white = WHITE if values.dtype.kind != "f" and shades[-1] <= WHITE else shades[-1]
    anomalous = values > white / 2
    seen = values > white * BARELY_SEEN
    return anomalous, bool(np.mean(seen & ~anomalous) > np.mean(anomalous))


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two masks have less in common than soft edges explain."""
    return bool(np.sum(one & other) < SAME * np.sum(one | other))


def _values(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """`(height, width)` of a mask image, and its alpha channel if that varies."""
    if image.mode == "1":
        return np.asarray(image), None
    if image.mode == "P" and "transparency" not in image.info:
        palette = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
        grey = (palette == palette[:, :1]).all()
        return (np.asarray(image.convert("L")) if grey else np.asarray(image) > 0), None
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA", "P"):
        *colours, alpha = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
        return np.max(colours, axis=0), alpha if alpha.min() < alpha.max() else None
    if image.mode.startswith(("I", "F")) or image.mode == "L":
        return np.asarray(image), None
    return np.asarray(image.convert("RGB")).max(-1), None
