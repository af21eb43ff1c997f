"""SEBlock against Hu et al. 2018, equations 2-4, and its limits."""

import keras
import numpy as np
import pytest

from layers import SEBlock


def reference(maps, squeeze, squeeze_bias, excite, excite_bias):
    scaled = np.empty_like(maps)
    for b, features in enumerate(maps):
        height, width, channels = features.shape
        z = np.zeros(channels)
        for i in range(height):
            for j in range(width):
                z += features[i, j] / (height * width)
        hidden = [
            max(0.0, sum(z[c] * squeeze[c, k] for c in range(channels)) + squeeze_bias[k])
            for k in range(len(squeeze_bias))
        ]
        for c in range(channels):
            logit = sum(hidden[k] * excite[k, c] for k in range(len(hidden))) + excite_bias[c]
            scaled[b, :, :, c] = features[:, :, c] / (1.0 + np.exp(-logit))
    return scaled


def weights(block):
    return [
        np.asarray(w, "float64")
        for w in (block.squeeze.kernel, block.squeeze.bias, block.excite.kernel, block.excite.bias)
    ]


@pytest.mark.parametrize(("channels", "ratio"), [(1, 1), (1, 16), (5, 16), (12, 4), (13, 4), (16, 1)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_equals_the_reference_for_any_number_of_channels(randomize, channels, ratio, dtype, tolerance):
    maps = np.random.default_rng(2).normal(1.0, 2.0, (2, 4, 3, channels))
    block = SEBlock(ratio, dtype=dtype)
    block.build(maps.shape)
    randomize(block, seed=channels)
    np.testing.assert_allclose(block(maps), reference(maps, *weights(block)), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("channels", "ratio", "units"), [(1, 16, 1), (15, 16, 1), (16, 16, 1), (31, 16, 1), (32, 16, 2), (64, 4, 16)]
)
def test_bottleneck_has_channels_divided_by_ratio_units_but_at_least_one(channels, ratio, units):
    block = SEBlock(ratio)
    block.build((None, 4, 4, channels))
    assert block.squeeze.units == units


def test_one_block_serves_maps_of_any_size(randomize):
    features = keras.Input((None, None, 8))
    block = SEBlock(ratio=2)
    model = keras.Model(features, block(features))
    randomize(block)
    assert model.output_shape == (None, None, None, 8)
    for side in (1, 5):
        maps = np.random.default_rng(side).normal(size=(2, side, side + 1, 8))
        np.testing.assert_allclose(model(maps), reference(maps, *weights(block)), rtol=0, atol=1e-5)


def test_mean_of_a_large_map_does_not_overflow_half_precision(randomize):
    block = SEBlock(ratio=2, dtype="float16")
    block.build((None, 64, 64, 4))
    block.squeeze.kernel.assign(np.full((4, 2), 1e-3))
    block.excite.kernel.assign(np.full((2, 4), 1.0))
    maps = np.full((1, 64, 64, 4), 100.0, "float16")
    np.testing.assert_allclose(block(maps), reference(maps.astype("float64"), *weights(block)), rtol=2e-3)


@pytest.mark.parametrize("ratio", [0, -1, 1.5, True, "16", None])
def test_refuses_a_ratio_that_is_no_positive_integer(ratio):
    with pytest.raises(ValueError, match=r"SEBlock: `ratio` must be an integer of at least 1, got"):
        SEBlock(ratio)


@pytest.mark.parametrize("shape", [(2, 8), (2, 4, 8), (2, 4, 4, 4, 8), (2, 4, 4, None)])
def test_refuses_an_input_that_is_no_feature_map(shape):
    with pytest.raises(ValueError, match=r"SEBlock: expected an input of shape \(batch, height, width, channels\)"):
        SEBlock().build(shape)
