"""The interval of the AUPRO: its variance against resampled images, and how often it holds the truth."""

import numpy as np
import pytest

from piade_tf.evaluation.aupro_interval import ImagePixels, aupro_interval, aupro_variance
from piade_tf.evaluation.pixel_metrics import PRO_LIMIT, PixelMetrics

SIDE = 12
DEFECT = np.zeros((SIDE, SIDE), bool)
DEFECT[3:7, 4:9] = True


def draw(rng, n_normal, n_anomalous, missed=0.05):
    """Maps and masks: a brightness for each image, a strength for each defect, and some that are missed."""
    masks = np.zeros((n_normal + n_anomalous, SIDE, SIDE), bool)
    masks[n_normal:] = DEFECT
    strength = np.where(rng.random(len(masks)) < missed, 0, rng.normal(3, 1, len(masks)))
    logs = rng.normal(0, 0.5, (len(masks), 1, 1)) + rng.normal(size=masks.shape)
    return np.exp(logs + masks * strength[:, None, None]).astype("float32"), masks


def counted(maps, masks):
    metrics = PixelMetrics()
    metrics.add(maps, masks)
    return metrics


def per_image(maps, masks):
    """As `PixelMetrics` counts them, without its large arrays."""
    bins = maps.view("uint32") >> 16
    return [ImagePixels.of(bins[i].astype(int), mask, mask / max(mask.sum(), 1)) for i, mask in enumerate(masks)]


def aupro_of(images):
    """From the counts of the images, by trapezoids."""
    bins = np.concatenate([image.bins for image in images])
    order = np.argsort(-bins, kind="stable")
    _, last = np.unique(-bins[order], return_index=True)
    starts = np.append(last[1:], len(bins)) - 1
    normal = np.cumsum(np.concatenate([image.normal for image in images])[order].astype(float))[starts]
    regions = np.cumsum(np.concatenate([image.regions for image in images])[order].astype(float))[starts]
    fpr, overlap = np.append(0, normal / normal[-1]), np.append(0, regions / regions[-1])
    grid = np.union1d(fpr[fpr < PRO_LIMIT], PRO_LIMIT)
    return np.trapezoid(np.interp(grid, fpr, overlap), grid) / PRO_LIMIT


def test_the_variance_is_that_of_resampled_images():
    images = per_image(*draw(np.random.default_rng(0), 40, 60))
    rng, resampled = np.random.default_rng(1), []
    for _ in range(400):
        chosen = np.concatenate([rng.integers(0, 40, 40), rng.integers(40, 100, 60)])
        resampled.append(aupro_of([images[i] for i in chosen]))
    assert np.sqrt(aupro_variance(images, PRO_LIMIT)) == pytest.approx(np.std(resampled), rel=0.15)


@pytest.mark.parametrize("n_normal, n_anomalous, missed", [(20, 63, 0.05), (12, 30, 0.05), (12, 30, 0.0)])
def test_the_interval_covers_the_aupro_of_many_images(n_normal, n_anomalous, missed):
    rng = np.random.default_rng(0)
    true = aupro_of(per_image(*draw(rng, 2000, 4000, missed)))
    covered = []
    for _ in range(300):
        images = per_image(*draw(rng, n_normal, n_anomalous, missed))
        low, high = aupro_interval(images, aupro_of(images), PRO_LIMIT)
        covered.append(low <= true <= high)
    assert np.mean(covered) >= 0.93


def test_maps_without_a_mistake_still_leave_a_doubt():
    maps, masks = draw(np.random.default_rng(0), 5, 20)
    metrics = counted(np.where(masks, 2, 1).astype("float32"), masks)
    low, high = metrics.aupro_interval()
    assert low < metrics.result()["pixel_AUPRO"] - 0.05 and high == pytest.approx(1, abs=0.01)
    assert low > 0.7


def test_the_counts_of_batches_and_classes_together_give_the_same_interval():
    maps, masks = draw(np.random.default_rng(0), 6, 10)
    parts = [counted(maps[:7], masks[:7]), counted(maps[7:], masks[7:])]
    whole = counted(maps, masks)
    low, high = PixelMetrics.merged(parts).aupro_interval()
    assert (low, high) == pytest.approx(whole.aupro_interval())
    assert low < whole.result()["pixel_AUPRO"] < high


def test_a_single_image_with_a_defect_has_no_interval():
    maps, masks = draw(np.random.default_rng(0), 3, 1)
    metrics = counted(maps, masks)
    assert metrics.result()["pixel_AUPRO"] is not None and metrics.aupro_interval() is None
