"""PyramidPooling against explicit windows, convolution and batch normalisation; and its limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import PyramidPooling
from layers.adaptive_average_pool import adaptive_average_pool

BATCH_NORMALIZATION_EPSILON = 1e-3


def pool_reference(maps, size):
    batch, height, width, channels = maps.shape
    cells = np.empty((batch, size, size, channels))
    for i in range(size):
        top, bottom = math.floor(i * height / size), math.ceil((i + 1) * height / size)
        for j in range(size):
            left, right = math.floor(j * width / size), math.ceil((j + 1) * width / size)
            total = np.zeros((batch, channels))
            for row in range(top, bottom):
                for column in range(left, right):
                    total += maps[:, row, column]
            cells[:, i, j] = total / ((bottom - top) * (right - left))
    return cells


def level_reference(layer, index, maps, training):
    """The capsules of one level, and the moving statistics after it."""
    m = layer.magnifications[index]
    kernel = np.asarray(layer.convolutions[index].kernel, "float64")[0, 0]
    gamma, beta, moving_mean, moving_variance = (
        np.asarray(w, "float64") for w in layer.normalizations[index].get_weights()
    )
    cells = pool_reference(maps, m if layer.grid else 1)
    values = np.zeros((*cells.shape[:3], maps.shape[3] // m))
    for channel in range(maps.shape[3]):
        for filter_ in range(values.shape[3]):
            values[..., filter_] += cells[..., channel] * kernel[channel, filter_]
    mean, variance = moving_mean, moving_variance
    if training:
        mean = np.array([values[..., f].mean() for f in range(values.shape[3])])
        variance = np.array([((values[..., f] - mean[f]) ** 2).mean() for f in range(values.shape[3])])
        moving_mean = layer.momentum * moving_mean + (1 - layer.momentum) * mean
        moving_variance = layer.momentum * moving_variance + (1 - layer.momentum) * variance
    normalized = gamma * (values - mean) / np.sqrt(variance + BATCH_NORMALIZATION_EPSILON) + beta
    capsules = [
        [image.ravel()[k : k + layer.capsule_dim] for k in range(0, image.size, layer.capsule_dim)]
        for image in np.where(normalized > 0, normalized, 0.0)
    ]
    return np.array(capsules), moving_mean, moving_variance


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (height, width, size)
        for height, width in [(4, 4), (5, 9), (7, 7), (8, 8), (15, 15), (16, 8)]
        for size in (1, 2, 4, 8)
        if size <= min(height, width)
    ],
)
def test_adaptive_average_pool_covers_floor_to_ceil_windows(height, width, size):
    maps = np.random.default_rng(height * width).normal(size=(2, height, width, 3))
    np.testing.assert_allclose(
        adaptive_average_pool(maps.astype("float32"), size), pool_reference(maps, size), rtol=0, atol=1e-6
    )


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 17), width=st.integers(1, 17), channels=st.integers(1, 3), data=st.data())
def test_adaptive_average_pool_covers_floor_to_ceil_windows_of_any_map(height, width, channels, data):
    size = data.draw(st.integers(1, min(height, width)), label="size")
    maps = np.random.default_rng(height + 100 * width).normal(size=(2, height, width, channels))
    np.testing.assert_allclose(
        adaptive_average_pool(maps.astype("float32"), size), pool_reference(maps, size), rtol=0, atol=1e-6
    )


def test_adaptive_average_pool_keeps_double_precision():
    maps = np.random.default_rng(0).normal(size=(2, 7, 7, 3))
    np.testing.assert_allclose(adaptive_average_pool(maps, 4), pool_reference(maps, 4), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_adaptive_average_pool_of_a_constant_map_is_the_constant_in_half_precision(size):
    maps = np.full((1, 16, 16, 2), 10000.0, "float16")
    np.testing.assert_allclose(adaptive_average_pool(maps, size), 10000.0, rtol=2e-3)


@pytest.mark.parametrize("grid", [True, False])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("height", "width", "magnifications"),
    [(8, 8, (1, 2, 4, 8)), (7, 7, (1, 2, 4)), (5, 9, (4, 1, 2)), (4, 4, (1, 2, 4)), (3, 5, (3,))],
)
def test_equals_the_reference(randomize, height, width, magnifications, training, grid):
    maps = np.random.default_rng(height).normal(1.0, 2.0, (3, height, width, 24))
    layer = PyramidPooling(magnifications, capsule_dim=1, grid=grid, momentum=0.7)
    layer.build(maps.shape)
    randomize(layer)
    expected = [level_reference(layer, index, maps, training) for index in range(len(magnifications))]

    output = layer(maps, training=training)

    np.testing.assert_allclose(output, np.concatenate([level for level, *_ in expected], axis=1), rtol=0, atol=1e-5)
    for normalization, (_, moving_mean, moving_variance) in zip(layer.normalizations, expected, strict=True):
        np.testing.assert_allclose(normalization.moving_mean, moving_mean, rtol=0, atol=1e-5)
        np.testing.assert_allclose(normalization.moving_variance, moving_variance, rtol=1e-5)


@pytest.mark.parametrize(("capsule_dim", "grid"), [(3, True), (6, True), (6, False)])
def test_capsules_are_cut_row_by_row_position_by_position(randomize, capsule_dim, grid):
    maps = np.random.default_rng(3).normal(size=(2, 6, 5, 24))
    layer = PyramidPooling((1, 2, 4), capsule_dim, grid)
    layer.build(maps.shape)
    randomize(layer)
    expected = np.concatenate([level_reference(layer, index, maps, False)[0] for index in range(3)], axis=1)
    np.testing.assert_allclose(layer(maps), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("magnifications", "side", "channels", "capsule_dim", "grid", "capsules"),
    [
        ((1, 2, 4), 4, 96, 8, True, 12 + 24 + 48),
        ((1, 2, 4), 4, 96, 8, False, 12 + 6 + 3),
        ((1, 2, 4, 8), 8, 64, 8, True, 8 + 16 + 32 + 64),
        ((1, 2, 4, 8), 8, 64, 8, False, 8 + 4 + 2 + 1),
        ((1, 2, 4), 7, 32, 16, True, 2 + 4 + 8),
        ((3,), 7, 10, 9, True, 3),
    ],
)
def test_number_of_capsules(magnifications, side, channels, capsule_dim, grid, capsules):
    layer = PyramidPooling(magnifications, capsule_dim, grid)
    maps = np.zeros((2, side, side, channels), "float32")
    assert layer.compute_output_shape(maps.shape) == (2, capsules, capsule_dim)
    assert layer(maps).shape == (2, capsules, capsule_dim)


def test_a_channel_is_seen_alike_wherever_it_lies_without_grid(randomize):
    maps = np.random.default_rng(4).normal(size=(1, 6, 6, 16)).astype("float32")
    moved = np.roll(maps, 3, axis=(1, 2))
    for grid in (False, True):
        layer = PyramidPooling((1, 2), capsule_dim=8, grid=grid)
        layer.build(maps.shape)
        randomize(layer)
        assert np.allclose(layer(maps), layer(moved), atol=1e-5) is not grid


def test_batch_statistics_are_used_in_training_only():
    maps = np.random.default_rng(5).normal(3.0, 1.0, (8, 4, 4, 16)).astype("float32")
    layer = PyramidPooling((1, 2), capsule_dim=8)
    assert not np.allclose(layer(maps, training=False), layer(maps, training=True))
    assert all(np.abs(n.moving_mean).max() > 0 for n in layer.normalizations)


@pytest.mark.parametrize(("height", "width", "magnification"), [(7, 7, 8), (4, 9, 5), (9, 4, 5)])
def test_refuses_a_magnification_larger_than_the_map_and_says_what_to_do(height, width, magnification):
    message = (
        rf"magnification {magnification} does not fit a feature map of {height}x{width}\. "
        rf"Use magnifications of at most {min(height, width)}, larger images, or a smaller encoder stride"
    )
    with pytest.raises(ValueError, match=message):
        PyramidPooling((1, magnification)).build((None, height, width, 64))
    with pytest.raises(ValueError, match=message):
        PyramidPooling((1, magnification)).compute_output_shape((None, height, width, 64))


def test_takes_a_magnification_larger_than_the_map_without_grid():
    layer = PyramidPooling((1, 8), capsule_dim=8, grid=False)
    assert layer(np.zeros((1, 4, 4, 64), "float32")).shape == (1, 9, 8)


def test_refuses_more_magnification_than_channels():
    with pytest.raises(ValueError, match=r"magnification 8 leaves no channel of 4\. Use magnifications of at most 4"):
        PyramidPooling((1, 8), capsule_dim=1).build((None, 8, 8, 4))


def test_refuses_a_level_that_cannot_be_cut_into_capsules_and_says_what_to_do():
    with pytest.raises(
        ValueError, match=r"the 20 values of magnification 1 .* capsules of 8\. Use a number of channels"
    ):
        PyramidPooling((1, 2), capsule_dim=8).build((None, 8, 8, 20))


def test_following_the_advice_on_channels_helps():
    with pytest.raises(ValueError, match=r"magnification 2 .*Use a number of channels that 16 divides"):
        PyramidPooling((1, 2), capsule_dim=8, grid=False).build((None, 8, 8, 24))
    PyramidPooling((1, 2), capsule_dim=8, grid=False).build((None, 8, 8, 32))


@pytest.mark.parametrize("magnifications", [(), (1, 1), [2, 4, 2]])
def test_refuses_missing_or_repeated_magnifications(magnifications):
    with pytest.raises(ValueError, match=r"PyramidPooling: `magnifications` must be distinct and not empty, got"):
        PyramidPooling(magnifications)


@pytest.mark.parametrize("magnifications", [(0,), (1, -2), (1, 2.0), (True,), "12"])
def test_refuses_magnifications_that_are_no_positive_integers(magnifications):
    with pytest.raises(ValueError, match=r"PyramidPooling: `magnifications` must be an integer of at least 1, got"):
        PyramidPooling(magnifications)


@pytest.mark.parametrize("capsule_dim", [0, -8, 8.0, True, None])
def test_refuses_a_capsule_dim_that_is_no_positive_integer(capsule_dim):
    with pytest.raises(ValueError, match=r"PyramidPooling: `capsule_dim` must be an integer of at least 1, got"):
        PyramidPooling(capsule_dim=capsule_dim)


@pytest.mark.parametrize("momentum", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_refuses_a_momentum_outside_0_to_1(momentum):
    with pytest.raises(ValueError, match=r"PyramidPooling: `momentum` must lie between 0 and 1, got"):
        PyramidPooling(momentum=momentum)


@pytest.mark.parametrize("shape", [(2, 64), (2, 8, 8), (2, None, 8, 64), (2, 8, None, 64), (2, 8, 8, None)])
def test_refuses_an_input_that_is_no_feature_map_of_known_size(shape):
    with pytest.raises(ValueError, match=r"PyramidPooling: expected an input of shape \(batch, height, width, chan"):
        PyramidPooling((1,)).build(shape)
