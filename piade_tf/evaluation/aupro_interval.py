"""How far off an AUPRO may be, given how few images it was measured on."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from piade_tf.evaluation.intervals import mean_interval


@dataclasses.dataclass(frozen=True)
class ImagePixels:
    """The pixels of one image, by the bin of their anomaly.

    Attributes:
        bins: `(n,)`, int32, that hold a pixel; a higher number is a larger anomaly.
        normal: `(n,)`, int32, normal pixels in each.
        regions: `(n,)`, float32, anomalous pixels in each, every one divided by the area of its region.
        n_regions: the sum of `regions`, float, a whole number but for rounding.
    """

    bins: np.ndarray
    normal: np.ndarray
    regions: np.ndarray
    n_regions: float

    @classmethod
    def of(cls, bins: np.ndarray, mask: np.ndarray, weights: np.ndarray) -> "ImagePixels":
        """Counts the pixels of an image.

        Args:
            bins: `(height, width)`, int, the bin of each pixel.
            mask: `(height, width)`, bool, anomalous.
            weights: `(height, width)`, float, 1 by the area of its region for an anomalous pixel, else 0.
        """
        first, offset = int(bins.min()), bins.ravel() - bins.min()
        of_all = np.bincount(offset)
        normal = np.bincount(offset[~mask.ravel()], minlength=len(of_all))
        regions = np.bincount(offset, weights.ravel(), minlength=len(of_all))
        used = np.flatnonzero(of_all)
        return cls(
            (first + used).astype("int32"), normal[used].astype("int32"), regions[used].astype("float32"),
            float(regions.sum()),
        )  # fmt: skip


def aupro_interval(
    images: Sequence[ImagePixels], aupro: float, limit: float, confidence: float = 0.95
) -> tuple[float, float] | None:
    """An interval of an AUPRO, as `mean_interval` gives it, which is never without a width.

    Args:
        images: that it was measured on, with normal and anomalous pixels.
        aupro: what was measured, 0 to 1.
        limit: the largest false-positive rate of the area.
        confidence: in (0, 1).

    Returns:
        None where fewer than two images have a region.
    """
    with_region = sum(image.n_regions > 0 for image in images)
    if with_region < 2:
        return None
    return mean_interval(min(aupro, 1.0), aupro_variance(images, limit), with_region, confidence)


def aupro_variance(images: Sequence[ImagePixels], limit: float) -> float:
    """The variance of an AUPRO over draws of as many images, with and without a region apart.

    The infinitesimal jackknife (Efron, "The jackknife, the bootstrap and other resampling plans", 1982): what a bit
    more weight on an image would change, squared and summed. An image counts by its own regions, and by its normal
    pixels, which move the threshold that belongs to a false-positive rate.

    Args:
        images: as `aupro_interval` takes them.
        limit: the largest false-positive rate of the area.
    """
    lengths = [len(image.bins) for image in images]
    owner = np.repeat(np.arange(len(images)), lengths)
    used, place = np.unique(np.concatenate([image.bins for image in images]), return_inverse=True)
    normal = np.concatenate([image.normal for image in images]).astype("float64")
    regions = np.concatenate([image.regions for image in images]).astype("float64")
    n_regions = np.array([image.n_regions for image in images])
    per_image = np.bincount(owner, normal, len(images))
    all_normal, all_regions = normal.sum(), n_regions.sum()

    in_bin = np.bincount(place, normal, len(used)) / all_normal
    above = np.cumsum(in_bin[::-1])[::-1] - in_bin  # false-positive rate before the bin
    within = np.clip((limit - above) / np.maximum(in_bin, np.finfo("float64").tiny), 0, 1)  # share below the limit
    height = within * (1 - (above + within * in_bin / 2) / limit)  # what a pixel in the bin adds to the area
    slope = np.bincount(place, regions, len(used)) / all_regions * within / limit  # lost for a higher rate
    lost_below = np.cumsum(slope) - slope / 2

    own = np.bincount(owner, regions * height[place], len(images))
    aupro = own.sum() / all_regions
    rate = (above + in_bin / 2) @ slope
    moved = np.bincount(owner, normal * lost_below[place], len(images)) - per_image * rate
    influence = (own - n_regions * aupro) / all_regions - moved / all_normal
    return sum(_spread(influence[chosen]) for chosen in (n_regions > 0, n_regions == 0))


def _spread(values: np.ndarray) -> float:
    return float(len(values) * values.var(ddof=1)) if len(values) > 1 else 0.0
