"""What anomaly maps are worth against masks, over any number of images, in some kilobytes an image."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from piade_tf.evaluation.aupro_interval import ImagePixels, aupro_interval
from piade_tf.workers import Workers

SHIFT = 11  # mantissa bits that are dropped, of 23; 12 stay
BINS = 1 << (31 - SHIFT)
PRO_LIMIT = 0.3
FINER = 5  # bits by which a bin of all images is finer than one of a single image
# Neighbours within an image, diagonal ones too, and none in the images before and after.
NEIGHBOURS = np.zeros((3, 3, 3), bool)
NEIGHBOURS[1] = True


class PixelMetrics:
    """Counts pixels by their anomaly, in bins; metrics come from the counts.

    The bit pattern of a float32 that is not negative grows with its value, so that its first 20 bits (8 of the
    exponent, 12 of the mantissa) are the number of its bin: above 1e-38, values in one bin differ by less than 1 part
    in 4096, and the range need not be known. Pixels of one bin count as ties.

    Attributes:
        normal, anomalous: `(2^20,)`, int64, pixels in each bin.
        regions: `(2^20,)`, float64, anomalous pixels in each bin, each divided by the area of its region.
        n_regions: connected anomalous regions, diagonal neighbours included.
        n_images_with_mask: images with an anomalous pixel.
        images: each image's own counts in coarser bins, some kilobytes an image, for the interval.
    """

    def __init__(self) -> None:
        self.normal = np.zeros(BINS, "int64")
        self.anomalous = np.zeros(BINS, "int64")
        self.regions = np.zeros(BINS)
        self.n_regions = 0
        self.n_images_with_mask = 0
        self.images: list[ImagePixels] = []

    def add(self, anomaly_maps: Any, masks: Any) -> None:
        """Counts the pixels of some images.

        Args:
            anomaly_maps: `(batch, height, width)`, finite in float32, at least 0, higher: more anomalous.
            masks: of the same shape, bool or uint8, anomalous where not 0.

        Raises:
            ValueError: an argument is not as above; nothing is counted then.
        """
        maps, masks = np.asarray(anomaly_maps, "float32"), np.asarray(masks)
        if maps.ndim != 3 or masks.shape != maps.shape:
            raise ValueError(f"expected maps and masks (batch, height, width), got {maps.shape} and {masks.shape}")
        if masks.dtype not in (np.dtype("bool"), np.dtype("uint8")):
            raise ValueError(f"expected masks of bool or uint8, got {masks.dtype}")
        if not (np.isfinite(maps).all() and (maps >= 0).all()):
            raise ValueError("expected anomaly maps of finite numbers that are not negative")
        masks = masks != 0
        bins = (np.abs(maps).view("uint32") >> SHIFT).astype(np.intp)  # abs, since -0.0 has a sign bit
        labels, n_regions = ndimage.label(masks, NEIGHBOURS)
        anomalous_bins, region_of_pixel = bins[masks], labels[masks]
        areas = np.bincount(region_of_pixel, minlength=n_regions + 1)
        weights = np.zeros(masks.shape)
        weights[masks] = 1 / areas[region_of_pixel]
        self.images += [ImagePixels.of(*image) for image in zip(bins >> FINER, masks, weights, strict=True)]
        self.normal += np.bincount(bins[~masks], minlength=BINS)
        self.anomalous += np.bincount(anomalous_bins, minlength=BINS)
        self.regions += np.bincount(anomalous_bins, weights[masks], minlength=BINS)
        self.n_regions += n_regions
        self.n_images_with_mask += int(masks.any(axis=(1, 2)).sum())

    @classmethod
    def merged(cls, parts: Iterable["PixelMetrics"]) -> "PixelMetrics":
        """The counts of all parts together."""
        whole = cls()
        for part in parts:
            whole.normal += part.normal
            whole.anomalous += part.anomalous
            whole.regions += part.regions
            whole.n_regions += part.n_regions
            whole.n_images_with_mask += part.n_images_with_mask
            whole.images += part.images
        return whole

    def add_others(self, workers: Workers) -> None:
        """Adds the counts of the other workers, whose images stay in the order of the workers."""
        whole = PixelMetrics.merged(PixelMetrics._from_arrays(arrays) for arrays in workers.all_told(self._arrays()))
        vars(self).update(vars(whole))

    def _arrays(self) -> dict[str, np.ndarray]:
        used = np.flatnonzero(self.normal + self.anomalous)
        counts = {name: getattr(self, name)[used] for name in ("normal", "anomalous", "regions")}
        totals = np.array([self.n_regions, self.n_images_with_mask])
        images = {
            f"{field.name}/{number}": np.asarray(getattr(image, field.name))
            for number, image in enumerate(self.images)
            for field in dataclasses.fields(image)
        }
        return {"used": used, "totals": totals, **counts, **images}

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "PixelMetrics":
        found, used = cls(), arrays["used"]
        for name in ("normal", "anomalous", "regions"):
            getattr(found, name)[used] = arrays[name]
        found.n_regions, found.n_images_with_mask = arrays["totals"].tolist()
        names = [field.name for field in dataclasses.fields(ImagePixels)]
        n_images = sum(name.startswith(f"{names[0]}/") for name in arrays)
        for i in range(n_images):
            of_image: dict[str, Any] = {name: arrays[f"{name}/{i}"] for name in names}
            found.images.append(ImagePixels(**{**of_image, "n_regions": float(of_image["n_regions"])}))
        return found

    def result(self) -> dict[str, Any]:
        """The metrics of all pixels counted so far, fractions of 1.

        Returns:
            `pixel_AUROC`; `pixel_AUROC_error`, the most by which the bins can have changed it; `pixel_AUPR` (average
            precision); `pixel_AUPRO`, the mean share of a region above the threshold, integrated over the
            false-positive rates from 0 to 0.3 and divided by 0.3 (Bergmann et al., "MVTec AD", 2019); `n_pixels`,
            `n_anomalous_pixels`, `n_regions`, `n_images_with_mask`. Without normal or without anomalous pixels the
            metrics are None and `reason` says why.
        """
        n_normal, n_anomalous = int(self.normal.sum()), int(self.anomalous.sum())
        counts = {
            "n_pixels": n_normal + n_anomalous,
            "n_anomalous_pixels": n_anomalous,
            "n_regions": self.n_regions,
            "n_images_with_mask": self.n_images_with_mask,
        }
        if not (n_normal and n_anomalous):
            names = ("pixel_AUROC", "pixel_AUROC_error", "pixel_AUPR", "pixel_AUPRO")
            reason = f"there are no {'normal' if n_anomalous else 'anomalous'} pixels"
            return {**dict.fromkeys(names), **counts, "reason": reason}
        used = np.flatnonzero(self.normal + self.anomalous)[::-1]  # from the most anomalous bin down
        false_alarms, hits = np.cumsum(self.normal[used]), np.cumsum(self.anomalous[used])
        fpr, tpr = np.append(0, false_alarms) / n_normal, np.append(0, hits) / n_anomalous
        overlap = np.append(0, np.cumsum(self.regions[used])) / self.n_regions
        return {
            "pixel_AUROC": float(np.trapezoid(tpr, fpr)),
            "pixel_AUROC_error": float(np.diff(fpr) @ np.diff(tpr) / 2),
            "pixel_AUPR": float(np.diff(tpr) @ (hits / (hits + false_alarms))),
            "pixel_AUPRO": _area_up_to(PRO_LIMIT, fpr, overlap) / PRO_LIMIT,
            **counts,
        }

    def aupro_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `pixel_AUPRO`; None where that is, or where fewer than two images have a region."""
        aupro = self.result()["pixel_AUPRO"]
        return None if aupro is None else aupro_interval(self.images, aupro, PRO_LIMIT)


def _area_up_to(limit: float, x: np.ndarray, y: np.ndarray) -> float:
    """The area under the straight lines between the points, from x = 0 to `limit`; x never falls and ends at 1."""
    beyond = int(np.searchsorted(x, limit, side="right"))  # the first point past the limit
    share = (limit - x[beyond - 1]) / (x[beyond] - x[beyond - 1])
    y_at_limit = y[beyond - 1] + share * (y[beyond] - y[beyond - 1])
    return float(np.trapezoid(np.append(y[:beyond], y_at_limit), np.append(x[:beyond], limit)))
