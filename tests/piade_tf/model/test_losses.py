"""The reconstruction loss: every term against its formula, the weights, and the features of the perceptual one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import LossConfig
from piade_tf.errors import InputError
from piade_tf.model import losses
from piade_tf.model.efficientnet_lite0 import efficientnet_lite0
from piade_tf.model.losses import ReconstructionLoss

WINDOW = 5


def pair(channels=1, shape=(18, 21)):
    rng = np.random.default_rng(0)
    return rng.random((2, 4, *shape, channels)).astype("float32")


def one_line(excinfo):
    assert "\n" not in str(excinfo.value)
    return str(excinfo.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_terms_equal_their_formulas(channels):
    true, predicted = pair(channels)
    terms = ReconstructionLoss(1.0, 0.5, WINDOW).terms(true, predicted)
    assert set(terms) == {"mse", "one_minus_ssim"}
    np.testing.assert_allclose(terms["mse"], np.mean((true - predicted) ** 2, axis=(1, 2, 3)), rtol=1e-5)
    similarity = tf.image.ssim(true, predicted, max_val=1.0, filter_size=WINDOW)
    np.testing.assert_allclose(terms["one_minus_ssim"], 1 - similarity, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mse, ssim", [(1.0, 0.5), (0.0, 2.0), (3.0, 0.0)])
def test_the_loss_is_the_weighted_sum_of_the_terms_that_have_a_weight(mse, ssim):
    true, predicted = pair()
    loss = ReconstructionLoss(mse, ssim, WINDOW)
    assert set(loss.terms(true, predicted)) == {name for name, weight in loss.weights.items() if weight}
    squared_error = np.mean((true - predicted) ** 2, axis=(1, 2, 3))
    similarity = np.asarray(tf.image.ssim(true, predicted, max_val=1.0, filter_size=WINDOW))
    expected = mse * squared_error + ssim * (1 - similarity)
    np.testing.assert_allclose(loss.call(true, predicted), expected, atol=2e-5)
    np.testing.assert_allclose(loss(true, predicted), expected.mean(), atol=2e-5)


def test_a_perfect_reconstruction_costs_nothing():
    true, _ = pair()
    np.testing.assert_allclose(ReconstructionLoss(1.0, 0.5, WINDOW)(true, true), 0.0, atol=1e-5)


def test_terms_of_half_precision_images_are_single_precision():
    true, predicted = pair().astype("float16")
    terms = ReconstructionLoss(1.0, 0.5, WINDOW).terms(true, predicted)
    assert {keras.backend.standardize_dtype(values.dtype) for values in terms.values()} == {"float32"}


def test_options_become_arguments_and_config_restores_them():
    options = LossConfig(mse=0.25, ssim=2.0, ssim_window=3, perceptual=0.0)
    loss = ReconstructionLoss.from_options(options)
    restored = ReconstructionLoss.from_config(loss.get_config())
    assert restored.get_config() == loss.get_config()
    assert restored.weights == {"mse": 0.25, "one_minus_ssim": 2.0, "perceptual": 0.0}
    assert restored.ssim_window == 3


def test_jax_gives_the_same_loss(on_jax):
    np.testing.assert_allclose(on_jax.jax["loss"], on_jax.tensorflow["loss"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("weights", [(0.0, 0.0), (-1.0, 1.0), (1.0, -0.5)])
def test_refuses_weights_that_make_no_loss(weights):
    with pytest.raises(InputError, match="must be at least 0 and not all 0") as excinfo:
        ReconstructionLoss(*weights)
    assert "--loss.mse" in one_line(excinfo)


def test_the_window_must_fit_the_image():
    with pytest.raises(ValueError, match="1 to 28"):
        ReconstructionLoss(1.0, 0.5, 29).check_image(28, 40)
    ReconstructionLoss(1.0, 0.5, 28).check_image(28, 40)


@pytest.mark.parametrize("channels", [1, 3])
def test_perceptual_term_compares_features_of_the_pretrained_encoder(channels):
    true, predicted = pair(channels, (64, 70))
    encoder = efficientnet_lite0((*true.shape[1:3], 3), levels=("stride_8",))
    features = [np.asarray(encoder(np.broadcast_to(x, (*x.shape[:3], 3)))["stride_8"]) for x in (true, predicted)]
    expected = np.mean(((features[0] - features[1]) / 8) ** 2, axis=(1, 2, 3))
    loss = ReconstructionLoss(0.0, 0.0, perceptual=2.0)
    np.testing.assert_allclose(loss.terms(true, predicted)["perceptual"], expected, rtol=1e-3)
    np.testing.assert_allclose(loss.call(true, predicted), 2 * expected, rtol=1e-3)


def test_the_perceptual_term_is_the_same_in_a_traced_step():
    loss, (true, predicted) = ReconstructionLoss(0.0, 0.0, perceptual=1.0), pair(3, (64, 70))
    traced = tf.function(loss.terms)(true, predicted)["perceptual"]
    np.testing.assert_allclose(traced, loss.terms(true, predicted)["perceptual"], rtol=1e-4)
    eager = ReconstructionLoss(0.0, 0.0, perceptual=1.0).terms(true, predicted)["perceptual"]
    np.testing.assert_allclose(traced, eager, rtol=1e-4)


def test_the_image_has_a_gradient_through_the_perceptual_term():
    loss, (true, predicted) = ReconstructionLoss(0.0, 0.0, perceptual=1.0), pair(3, (64, 70))
    with tf.GradientTape() as tape:
        predicted = tf.Variable(predicted)
        value = loss(true, predicted)
    assert np.abs(tape.gradient(value, predicted)).max() > 0


def test_without_a_perceptual_weight_nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(losses, "efficientnet_lite0", lambda *_, **__: pytest.fail("the encoder was built"))
    ReconstructionLoss(perceptual=0.0).terms(*pair())
