"""Defects drawn into good images: where they are, how strong, and the same every time."""

import numpy as np
import pytest

from export.verification.synthetic_defects import COUNT, KINDS, STRENGTHS, defects_near_threshold, with_defects

IMAGES = np.random.default_rng(0).integers(60, 200, (7, 40, 32, 3), "uint8")


def test_every_image_gets_every_kind_in_turn():
    changed = np.stack(list(with_defects(IMAGES, 1.0, 0)))
    assert changed.shape == (COUNT, *IMAGES.shape[1:]) and changed.dtype == np.uint8
    share = np.mean(np.any(changed != IMAGES[np.arange(COUNT) % 7], axis=3), axis=(1, 2))
    assert np.all(share < 0.5) and np.mean(share > 0) > 0.9  # a small one may lie beyond the edge


def test_the_same_seed_draws_the_same(monkeypatch):
    first, again, other = (np.stack(list(with_defects(IMAGES, 0.5, seed))) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("draw", KINDS)
def test_a_defect_without_opacity_cannot_be_seen(draw):
    image = IMAGES[0].astype("float32")
    assert np.array_equal(draw(image, 0.0, np.random.default_rng(0)), image)


@pytest.mark.parametrize("grey", [1, 3])
def test_a_stronger_defect_changes_more(grey):
    images = IMAGES[..., :grey]
    changes = [np.abs(np.stack(list(with_defects(images, s, 0))) - images[np.arange(COUNT) % 7].astype(int)).mean()
               for s in STRENGTHS]  # fmt: skip
    assert changes == sorted(changes, reverse=True)


def test_the_strength_is_that_at_which_about_half_are_flagged():
    def share_flagged(images):
        return np.mean([np.abs(image.astype(int) - IMAGES[i % 7]).max() > 20 for i, image in enumerate(images)])

    chosen = defects_near_threshold(IMAGES, share_flagged, 0)
    every = [list(with_defects(IMAGES, strength, 0)) for strength in STRENGTHS]
    assert abs(share_flagged(chosen) - 0.5) == min(abs(share_flagged(images) - 0.5) for images in every)
