"""Reconstructions that hold nothing of the images are said to be flat."""

import numpy as np
import pytest

from piade_tf.evaluation.flatness import contrast_kept, flat_warning

IMAGES = np.random.default_rng(0).random((4, 8, 8, 1))
LABELS = np.array([0, 0, 1, 1])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_contrast_that_is_kept_is_that_share(share):
    assert contrast_kept(IMAGES, 0.3 + share * IMAGES) == pytest.approx(share)


def test_flat_reconstructions_are_warned_of_and_others_are_not():
    assert "with 10 % of the contrast" in flat_warning(IMAGES, 0.1 * IMAGES, LABELS)
    assert flat_warning(IMAGES, 0.5 * IMAGES, LABELS) is None


def test_only_normal_images_count_where_there_are_some():
    pictures = np.where(LABELS[:, None, None, None] == 0, IMAGES, 0.5)
    assert flat_warning(IMAGES, pictures, LABELS) is None
    assert flat_warning(IMAGES, 1 - pictures * 0, np.ones(4)) is not None


@pytest.mark.parametrize("images", [np.zeros((0, 8, 8, 1)), np.full((2, 8, 8, 1), 0.5)])
def test_nothing_is_said_of_no_images_or_of_flat_ones(images):
    assert flat_warning(images, images, np.zeros(len(images))) is None
