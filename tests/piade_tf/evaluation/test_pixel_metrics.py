"""The binned pixel metrics against scikit-learn and against definitions written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from piade_tf.evaluation.pixel_metrics import PixelMetrics

METRICS = ["pixel_AUROC", "pixel_AUROC_error", "pixel_AUPR", "pixel_AUPRO"]


def metrics_of(*batches):
    metrics = PixelMetrics()
    for maps, masks in batches:
        metrics.add(maps, masks)
    return metrics.result()


def make_images(count, height=24, width=20, seed=0):
    """Maps, float32, and masks of rectangles, bool; every third mask is empty."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, height, width), bool)
    for index in np.flatnonzero(np.arange(count) % 3):
        for _ in range(rng.integers(1, 4)):
            row, column = rng.integers(0, height - 4), rng.integers(0, width - 4)
            masks[index, row : row + rng.integers(1, 6), column : column + rng.integers(1, 6)] = True
    maps = rng.standard_gamma(2, masks.shape) * np.where(masks, 2, 1)
    return maps.astype("float32"), masks


def twelve_bits(maps):
    """The values with the mantissa cut after 12 bits: what a bin stands for."""
    mantissa, exponent = np.frexp(maps)
    return np.ldexp(np.floor(np.ldexp(mantissa, 13)), exponent - 13).astype("float32")


def flood_fill(mask):
    """The regions of one mask as lists of (row, column); pixels that touch at a corner belong together."""
    left, regions = {tuple(pixel) for pixel in np.argwhere(mask)}, []
    while left:
        region = [left.pop()]
        for row, column in region:
            around = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= around
            region.extend(around)
        regions.append(region)
    return regions


def naive_aupro(maps, masks, limit=0.3):
    """Per-region overlap over false-positive rate, threshold by threshold, region by region."""
    normal = maps[~masks]
    regions = [
        np.array([values[pixel] for pixel in region])
        for values, mask in zip(maps, masks, strict=True)
        for region in flood_fill(mask)
    ]
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted(set(maps.ravel().tolist()), reverse=True):
        rate = np.mean(normal >= threshold)
        overlap = np.mean([np.mean(region >= threshold) for region in regions])
        if rate > limit:
            share = (limit - rates[-1]) / (rate - rates[-1])
            rates.append(limit)
            overlaps.append(overlaps[-1] + share * (overlap - overlaps[-1]))
            break
        rates.append(rate)
        overlaps.append(overlap)
    return np.trapezoid(overlaps, rates) / limit


def assert_equals_definitions(result, maps, masks):
    assert result["pixel_AUROC"] == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()), abs=1e-12)
    assert result["pixel_AUPR"] == pytest.approx(average_precision_score(masks.ravel(), maps.ravel()), abs=1e-12)
    assert result["pixel_AUPRO"] == pytest.approx(naive_aupro(maps, masks), abs=1e-12)


# === Against definitions ===


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("levels", [2, 4, 50])
def test_values_of_few_bits_give_the_exact_metrics(seed, levels):
    maps, masks = make_images(6, seed=seed)
    maps = np.minimum(np.floor(maps * levels / 4), levels).astype("float32")
    assert_equals_definitions(metrics_of((maps, masks)), maps, masks)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
def test_any_values_give_the_metrics_of_their_first_twelve_bits_at_any_scale(scale):
    maps, masks = make_images(4, 12, 12)
    maps *= np.float32(scale)
    assert_equals_definitions(metrics_of((maps, masks)), twelve_bits(maps), masks)


def test_the_exact_metrics_are_within_a_small_stated_error():
    maps, masks = make_images(100, 64, 64)
    result = metrics_of((maps, masks))
    difference = abs(result["pixel_AUROC"] - roc_auc_score(masks.ravel(), maps.ravel()))
    assert 0 < difference <= result["pixel_AUROC_error"] < 1e-4
    assert result["pixel_AUPR"] == pytest.approx(average_precision_score(masks.ravel(), maps.ravel()), abs=1e-3)


# Few values and small maps: ties, touching corners, empty and full masks; the last two values share a bin.
small_pixels = st.tuples(st.sampled_from([0.0, 0.5, 1.0, 3.0, 3.0001]), st.booleans())
small_images = st.lists(
    st.lists(small_pixels, min_size=12, max_size=12).map(lambda pixels: np.array(pixels).reshape(3, 4, 2)),
    min_size=1,
    max_size=3,
).map(lambda images: (np.array(images)[..., 0].astype("float32"), np.array(images)[..., 1].astype(bool)))


@settings(deadline=None, max_examples=100)
@given(small_images.filter(lambda images: 0 < images[1].sum() < images[1].size))
def test_small_maps_equal_their_definitions(images):
    maps, masks = images
    result = metrics_of(images)
    assert_equals_definitions(result, twelve_bits(maps), masks)
    exact = roc_auc_score(masks.ravel(), maps.ravel())
    assert abs(result["pixel_AUROC"] - exact) <= result["pixel_AUROC_error"] + 1e-12
    assert result["n_regions"] == sum(len(flood_fill(mask)) for mask in masks)


@pytest.mark.parametrize("anomalous, normal, exact", [(1.0001, 1.0, 1.0), (1.0, 1.0001, 0.0)])
def test_the_error_bound_is_reached_where_one_bin_holds_everything(anomalous, normal, exact):
    mask = np.array([[[True, False]]])
    result = metrics_of((np.where(mask, anomalous, normal), mask))
    assert (result["pixel_AUROC"], result["pixel_AUROC_error"]) == (0.5, 0.5)
    assert abs(exact - result["pixel_AUROC"]) == result["pixel_AUROC_error"]


def test_perfect_inverted_and_constant_maps():
    _, masks = make_images(6)
    for maps, values in [
        (masks, [1.0, 1.0, 1.0]),
        (~masks, [0.0, masks.mean(), 0.0]),
        (masks | True, [0.5, None, 0.15]),
    ]:
        result = metrics_of((maps.astype("float32"), masks))
        expected = dict(zip(["pixel_AUROC", "pixel_AUPR", "pixel_AUPRO"], values, strict=True))
        for name, value in expected.items():
            assert result[name] == pytest.approx(masks.mean() if value is None else value)


def test_a_small_region_weighs_as_much_as_a_large_one_in_aupro_alone():
    mask = np.zeros((1, 20, 20), bool)
    mask[0, 0, 0] = mask[0, 5:15, 5:15] = True
    only_small, only_large = np.zeros((2, 1, 20, 20), "float32")
    only_small[0, 0, 0], only_large[0, 5:15, 5:15] = 1, 1
    small, large = metrics_of((only_small, mask)), metrics_of((only_large, mask))
    # Half of the regions at no false alarm, then a straight line to everything at a rate of 1.
    assert small["pixel_AUPRO"] == pytest.approx((0.5 + 0.5 + 0.5 * 0.3) / 2)
    assert large["pixel_AUPRO"] == pytest.approx(small["pixel_AUPRO"])
    assert small["pixel_AUROC"] < large["pixel_AUROC"]


# === Batches, counts and memory ===


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(9)), boundaries=st.lists(st.integers(1, 8), max_size=4, unique=True).map(sorted))
def test_order_and_grouping_of_the_images_do_not_matter(order, boundaries):
    maps, masks = make_images(9)
    whole = metrics_of((maps, masks))
    parts = metrics_of(*((maps[part], masks[part]) for part in np.split(np.array(order), boundaries)))
    assert parts == pytest.approx(whole, rel=1e-12)


def test_masks_that_touch_in_neighbouring_images_are_different_regions():
    maps, masks = np.zeros((3, 4, 4), "float32"), np.ones((3, 4, 4), bool)
    masks[2, 2:] = False
    result = metrics_of((maps, masks))
    assert (result["n_regions"], result["n_images_with_mask"]) == (3, 3)


def test_images_of_different_size_count_together():
    small, large = make_images(3, 8, 8), make_images(3, 16, 24)
    flat_maps, flat_masks = (np.concatenate([a.ravel(), b.ravel()]) for a, b in zip(small, large, strict=True))
    result = metrics_of(small, large)
    assert result["pixel_AUROC"] == pytest.approx(roc_auc_score(flat_masks, twelve_bits(flat_maps)), abs=1e-12)
    assert (result["n_pixels"], result["n_anomalous_pixels"]) == (flat_masks.size, flat_masks.sum())


def test_pixels_of_an_empty_mask_are_normal():
    maps, masks = make_images(4, 8, 8, seed=1)
    assert [mask.any() for mask in masks] == [False, True, True, False]
    result = metrics_of((maps, masks))
    assert (result["n_images_with_mask"], result["n_pixels"]) == (2, 4 * 64)
    assert_equals_definitions(result, twelve_bits(maps), masks)


@pytest.mark.parametrize("batches", [0, 1, 2])
@pytest.mark.parametrize("value, kind", [(0, "anomalous"), (1, "normal")])
def test_one_kind_of_pixel_alone_has_counts_and_a_reason_but_no_metrics(value, kind, batches):
    masks = np.full((2, 3, 4), value, "uint8")
    result = metrics_of(*[(np.ones((2, 3, 4), "float32"), masks)] * batches)
    assert [result.pop(name) for name in METRICS] == [None] * 4
    assert result.pop("reason") == f"there are no {kind if batches else 'anomalous'} pixels"
    anomalous = 24 * batches * value
    assert result == {
        "n_pixels": 24 * batches,
        "n_anomalous_pixels": anomalous,
        "n_regions": anomalous // 12,
        "n_images_with_mask": anomalous // 12,
    }


def test_a_batch_of_no_images_changes_nothing():
    images = make_images(3)
    empty = (np.zeros((0, 24, 20), "float32"), np.zeros((0, 24, 20), bool))
    assert metrics_of(empty, images, empty) == metrics_of(images)


def test_values_are_plain_numbers():
    assert {type(value) for value in metrics_of(make_images(3)).values()} == {int, float}


def test_masks_of_0_and_255_are_those_of_false_and_true():
    maps, masks = make_images(6)
    assert metrics_of((maps, masks.astype("uint8") * np.uint8(255))) == metrics_of((maps, masks))


def test_extreme_values_keep_their_order():
    values = [0.0, 1e-37, 1e-20, 1.0, 1e20, np.finfo("float32").max]
    maps = np.array(values, "float32").reshape(1, 1, 6)
    for first_anomalous in range(1, 6):
        result = metrics_of((maps, np.arange(6).reshape(1, 1, 6) >= first_anomalous))
        assert (result["pixel_AUROC"], result["pixel_AUROC_error"]) == (1.0, 0.0)


def test_minus_zero_is_zero():
    maps, masks = np.array([[[-0.0, 0.0, 1.0]]], "float32"), np.array([[[True, False, False]]])
    assert metrics_of((maps, masks))["pixel_AUROC"] == 0.25


def test_what_is_kept_of_an_image_are_some_kilobytes():
    def kept(count):
        metrics = PixelMetrics()
        for _ in range(count):
            metrics.add(*make_images(1, 256, 256))
        arrays = {name: value.nbytes for name, value in vars(metrics).items() if isinstance(value, np.ndarray)}
        columns = [(image.bins, image.normal, image.regions) for image in metrics.images]
        return arrays, sum(column.nbytes for image in columns for column in image)

    (none, nothing), (some, of_ten) = kept(0), kept(10)
    assert none == some and nothing == 0
    assert of_ten < 10 * 20_000
    assert sum(none.values()) < 2**25


@pytest.mark.parametrize(
    "maps_shape, masks_shape",
    [((2, 3), (2, 3)), ((2, 3, 4), (2, 4, 3)), ((2, 3, 4, 1), (2, 3, 4, 1)), ((4, 3), (1, 4, 3))],
)
def test_refuses_shapes_that_do_not_fit(maps_shape, masks_shape):
    with pytest.raises(ValueError, match=r"expected maps and masks \(batch, height, width\), got"):
        PixelMetrics().add(np.zeros(maps_shape, "float32"), np.zeros(masks_shape, bool))


@pytest.mark.parametrize("dtype", ["float32", "int64", "int8"])
def test_refuses_masks_that_are_neither_bool_nor_uint8(dtype):
    with pytest.raises(ValueError, match=f"expected masks of bool or uint8, got {dtype}"):
        PixelMetrics().add(np.zeros((1, 2, 2), "float32"), np.zeros((1, 2, 2), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, -1e-30])
def test_refuses_values_that_are_negative_or_not_finite_and_counts_nothing(value):
    metrics, maps = PixelMetrics(), np.ones((2, 3, 4), "float32")
    maps[1, 2, 3] = value
    with pytest.raises(ValueError, match="finite numbers that are not negative"):
        metrics.add(maps, np.ones(maps.shape, bool))
    assert metrics.result()["n_pixels"] == 0
