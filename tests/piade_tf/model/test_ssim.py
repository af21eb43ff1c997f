"""SSIM against tf.image.ssim, and the transposed filter against the definition of a transpose."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from piade_tf.model.ssim import check_window, filter_transposed, filter_valid, ssim_map

few = settings(deadline=None, max_examples=12)


def images(shape, seed):
    """Two stacks: noise, and the same with more noise."""
    rng = np.random.default_rng(seed)
    first = rng.random(shape)
    second = np.clip(first + rng.normal(0, 0.2, shape), 0, 1)
    return first.astype("float32"), second.astype("float32")


def assert_equals_tf_image_ssim(first, second, window):
    ours = np.asarray(ssim_map(tf.constant(first), tf.constant(second), window))
    height, width, channels = first.shape[1:]
    assert ours.shape == (len(first), height - window + 1, width - window + 1, channels)
    theirs = tf.image.ssim(first, second, max_val=1.0, filter_size=window)
    np.testing.assert_allclose(ours.mean(axis=(1, 2, 3)), theirs, rtol=0, atol=1e-5)


@few
@given(
    window=st.sampled_from([1, 2, 3, 7, 11]),
    height=st.integers(11, 34),
    width=st.integers(11, 34),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 9),
)
@example(window=7, height=28, width=28, channels=1, seed=0)
@example(window=11, height=33, width=47, channels=3, seed=0)
@example(window=7, height=40, width=70, channels=3, seed=0)  # by convolution
def test_mean_equals_tf_image_ssim(window, height, width, channels, seed):
    assert_equals_tf_image_ssim(*images((3, height, width, channels), seed), window)


@pytest.mark.parametrize("height, width", [(28, 28), (15, 40), (29, 12)])
def test_window_may_be_as_large_as_the_shorter_side(height, width):
    assert_equals_tf_image_ssim(*images((2, height, width, 1), 0), min(height, width))


@pytest.mark.parametrize("window", [3, 7, 11])
def test_on_smooth_images_it_is_nearer_to_double_precision_than_1e_5(window):
    # There tf.image.ssim itself, in single precision, is off by more than 1e-5.
    first = np.broadcast_to(np.linspace(0, 1, 40)[None, None, :, None], (1, 30, 40, 1))
    second = np.broadcast_to(np.linspace(0, 1, 30)[None, :, None, None], (1, 30, 40, 1))
    single = ssim_map(tf.constant(first, "float32"), tf.constant(second, "float32"), window)
    double = ssim_map(tf.constant(first, "float64"), tf.constant(second, "float64"), window)
    assert double.dtype == "float64"
    np.testing.assert_allclose(np.mean(single), np.mean(double), rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        np.mean(double), tf.image.ssim(first, second, 1.0, filter_size=window)[0], rtol=0, atol=1e-4
    )


def test_an_image_is_wholly_similar_to_itself():
    first, _ = images((3, 20, 20, 3), 1)
    np.testing.assert_allclose(ssim_map(tf.constant(first), tf.constant(first), 7), 1.0, atol=1e-5)


def test_works_with_an_unknown_batch_inside_tf_function():
    first, second = images((3, 16, 18, 1), 2)
    graph = tf.function(lambda a, b: ssim_map(a, b, 5), input_signature=[tf.TensorSpec((None, 16, 18, 1))] * 2)
    np.testing.assert_allclose(graph(first, second), ssim_map(first, second, 5), atol=1e-5)


def test_jax_gives_the_same_map(on_jax):
    ours, theirs = on_jax.tensorflow["ssim"], on_jax.jax["ssim"]
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4)
    np.testing.assert_allclose(theirs.mean(axis=(1, 2, 3)), ours.mean(axis=(1, 2, 3)), rtol=0, atol=1e-5)


@few
@given(window=st.integers(1, 9), height=st.integers(9, 20), width=st.integers(9, 20), channels=st.integers(1, 3))
def test_filter_transposed_is_the_transpose_of_filter_valid(window, height, width, channels):
    rng = np.random.default_rng(window)
    x = rng.normal(size=(2, height, width, channels))
    y = rng.normal(size=(2, height - window + 1, width - window + 1, channels))
    inner = np.sum(filter_valid(tf.constant(x), window) * y, axis=(1, 2))  # an image and a channel at a time
    np.testing.assert_allclose(np.sum(x * filter_transposed(tf.constant(y), window), axis=(1, 2)), inner, atol=1e-9)


@few
@given(window=st.integers(1, 11), height=st.integers(1, 20), width=st.integers(1, 20))
def test_filter_transposed_keeps_the_sum(window, height, width):
    maps = np.random.default_rng(0).random((2, height, width, 1))
    spread = np.asarray(filter_transposed(tf.constant(maps), window))
    assert spread.shape == (2, height + window - 1, width + window - 1, 1)
    np.testing.assert_allclose(spread.sum(axis=(1, 2)), maps.sum(axis=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize("window, height, width", [(0, 28, 28), (-1, 28, 28), (13, 12, 40), (13, 40, 12), (29, 28, 28)])
def test_refuses_a_window_that_does_not_fit(window, height, width):
    message = f"1 to {min(height, width)} for {height}x{width} images, got {window}"
    with pytest.raises(ValueError, match=message):
        check_window(window, height, width)
    with pytest.raises(ValueError, match=message):
        ssim_map(tf.zeros((1, height, width, 1)), tf.zeros((1, height, width, 1)), window)
