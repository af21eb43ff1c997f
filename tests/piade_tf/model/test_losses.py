"""The reconstruction loss: every term against its formula, the weights, and where VGG-16's weights come from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import LossConfig
from piade_tf.errors import InputError
from piade_tf.model.losses import CLEAR_MARGIN, ReconstructionLoss, nearness_of_lengths

WINDOW = 5
IMAGENET_MEAN = np.array([103.939, 116.779, 123.68])  # blue, green, red


def pair(channels=1, shape=(18, 21)):
    rng = np.random.default_rng(0)
    return rng.random((2, 4, *shape, channels)).astype("float32")


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    """A VGG-16 with random weights, and the file of its weights."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None, include_top=False)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.weights.h5"
    model.save_weights(path)
    return model, path


def one_line(excinfo):
    assert "\n" not in str(excinfo.value)
    return str(excinfo.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_terms_equal_their_formulas(channels):
    true, predicted = pair(channels)
    terms = ReconstructionLoss(1.0, 0.5, WINDOW).terms(true, predicted)
    assert set(terms) == {"mse", "ssim"}
    np.testing.assert_allclose(terms["mse"], np.mean((true - predicted) ** 2, axis=(1, 2, 3)), rtol=1e-5)
    similarity = tf.image.ssim(true, predicted, max_val=1.0, filter_size=WINDOW)
    np.testing.assert_allclose(terms["ssim"], 1 - similarity, rtol=0, atol=1e-5)


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
    options = LossConfig(mse=0.25, ssim=2.0, ssim_window=3, perceptual=0.0, perceptual_weights="off")
    loss = ReconstructionLoss.from_options(options)
    restored = ReconstructionLoss.from_config(loss.get_config())
    assert restored.get_config() == loss.get_config()
    assert restored.weights == {"mse": 0.25, "ssim": 2.0, "perceptual": 0.0}
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
def test_perceptual_term_compares_vgg_features_of_a_weights_file(vgg16, channels):
    model, path = vgg16
    true, predicted = pair(channels)
    loss = ReconstructionLoss(0.0, 0.0, perceptual=2.0, perceptual_weights=str(path))

    def features(images):
        x = np.broadcast_to(images, (*images.shape[:3], 3))[..., ::-1] * 255 - IMAGENET_MEAN
        for name in ("block1_conv1", "block1_conv2"):
            kernel, bias = model.get_layer(name).get_weights()
            x = tf.nn.relu(tf.nn.conv2d(tf.cast(x, "float32"), kernel, 1, "SAME") + bias)
        return np.asarray(x)

    expected = np.mean((features(true) - features(predicted)) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(loss.terms(true, predicted)["perceptual"], expected, rtol=1e-3)
    np.testing.assert_allclose(loss.call(true, predicted), 2 * expected, rtol=1e-3)


def test_vgg_is_not_trained_and_the_image_has_a_gradient(vgg16):
    loss = ReconstructionLoss(0.0, 0.0, perceptual=1.0, perceptual_weights=str(vgg16[1]))
    assert loss.features.trainable_weights == []
    true, predicted = pair()
    with tf.GradientTape() as tape:
        predicted = tf.Variable(predicted)
        value = loss(true, predicted)
    assert np.abs(tape.gradient(value, predicted)).max() > 0


def test_without_a_perceptual_weight_nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", lambda **_: pytest.fail("VGG-16 was built"))
    assert ReconstructionLoss(perceptual=0.0, perceptual_weights="imagenet").features is None


def test_imagenet_that_cannot_be_downloaded_is_one_line(monkeypatch):
    def refuse(*args, **kwargs):
        raise Exception("URL fetch failure on https://storage:\nNone -- [Errno -3] Temporary failure")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", refuse)
    with pytest.raises(InputError, match="imagenet could not be loaded.*URL fetch failure") as excinfo:
        ReconstructionLoss(perceptual=1.0, perceptual_weights="imagenet")
    assert "--loss.perceptual-weights" in one_line(excinfo)


def test_a_missing_weights_file_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no file .*missing.h5") as excinfo:
        ReconstructionLoss(perceptual=1.0, perceptual_weights=str(tmp_path / "missing.h5"))
    one_line(excinfo)


def test_a_file_that_holds_no_vgg_weights_is_one_line(tmp_path):
    path = tmp_path / "other.weights.h5"
    path.write_bytes(b"no HDF5 at all\n" * 9)
    with pytest.raises(InputError, match="could not be loaded") as excinfo:
        ReconstructionLoss(perceptual=1.0, perceptual_weights=str(path))
    one_line(excinfo)


def test_off_refuses_a_perceptual_weight():
    with pytest.raises(InputError, match="imagenet or a file"):
        ReconstructionLoss(perceptual=1.0, perceptual_weights="off")


@pytest.mark.parametrize(
    "lengths, expected", [((0.7, 0.7), 1.0), ((0.9, 0.87), 0.7), ((0.2, 0.3), 0.0), ((0.1, 0.95), 0.0), ((0, 0), 1.0),
                          ((0.3, 0.9, 0.88), 0.8)]
)  # fmt: skip
def test_the_nearer_the_two_longest_vectors_are_to_a_tie_the_more_it_costs(lengths, expected):
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0][: len(lengths)]
    vectors = np.array(lengths, "float32")[None, :, None] * directions.astype("float32")
    np.testing.assert_allclose(nearness_of_lengths(vectors), [expected], atol=1e-3)
    assert CLEAR_MARGIN == 0.1  # as in the help of --loss.margin


def test_the_margin_has_a_gradient_also_at_vectors_of_no_length():
    vectors = tf.Variable(np.zeros((1, 2, 4), "float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(nearness_of_lengths(vectors))
    assert np.isfinite(tape.gradient(loss, vectors)).all()
