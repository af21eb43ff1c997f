"""Turned images: which, how many, and that they are to be rebuilt upright."""

import keras
import numpy as np
import pytest

from piade_tf.model.losses import ReconstructionLoss
from piade_tf.training.random_rotation import RandomRotation
from piade_tf.training.trainer import Trainer

SQUARE = np.random.default_rng(0).random((4000, 5, 5, 2), "float32")


def quarters_of(turned, images):
    """By how many quarters each image was turned, found by comparing with NumPy's turns; -1: by none of them."""
    quarters = np.full(len(images), -1)
    for quarter in range(4):
        same = (turned == np.rot90(images, quarter, axes=(1, 2))).all((1, 2, 3))
        quarters[same] = quarter
    return quarters


def test_the_share_is_turned_by_each_number_of_quarters_alike():
    turned = np.asarray(RandomRotation(0.6, seed=1)(SQUARE, training=True))
    counts = np.bincount(quarters_of(turned, SQUARE), minlength=4) / len(SQUARE)
    np.testing.assert_allclose(counts, [0.4, 0.2, 0.2, 0.2], atol=0.03)


@pytest.mark.parametrize("share, turned", [(0.0, 0), (1.0, 4000)])
def test_none_and_all(share, turned):
    assert np.sum(quarters_of(np.asarray(RandomRotation(share, seed=1)(SQUARE, training=True)), SQUARE) > 0) == turned


def test_images_that_are_not_square_are_turned_by_a_half():
    images = SQUARE[:200, :3]
    turned = np.asarray(RandomRotation(0.5, seed=1)(images, training=True))
    upright, half = ((turned == each).all((1, 2, 3)) for each in (images, images[:, ::-1, ::-1]))
    assert (upright ^ half).all() and 70 < half.sum() < 130


def test_every_call_draws_anew_and_the_seed_fixes_all_of_them():
    layers = [RandomRotation(0.5, seed=seed) for seed in (1, 1, 2)]
    first, second = ([np.asarray(layer(SQUARE[:50], training=True)) for layer in layers] for _ in range(2))
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(second[0], second[1])
    assert not np.array_equal(first[0], second[0]) and not np.array_equal(first[0], first[2])


def test_turned_images_are_seen_in_training_only_and_are_to_be_rebuilt_upright():
    image = keras.Input((5, 5, 2))
    identity = keras.Model(image, {"reconstruction": keras.layers.Identity()(image)})
    trainer = Trainer(identity, ReconstructionLoss(1.0, 0.0, 3), rotation=1.0, seed=1)
    trainer.compile()
    images = SQUARE[:64]
    np.testing.assert_array_equal(trainer(images, training=False)["reconstruction"], images)
    seen = np.asarray(trainer(images, training=True)["reconstruction"])
    loss = float(trainer.compute_loss(x=images, y_pred={"reconstruction": seen}))
    assert loss == pytest.approx(np.square(seen - images).mean(), rel=1e-5) and loss > 0.1
