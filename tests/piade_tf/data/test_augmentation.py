"""Augmentation: each preset does what its name says, anew in each epoch, the same for the same seed."""

import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import DataConfig
from piade_tf.data import batches, load_data
from piade_tf.data.augmentation import augmented
from piade_tf.data.splits import Split


def images(shape, count=64, seed=0):
    return np.random.default_rng(seed).integers(60, 190, (count, *shape), "uint8")


def changed(array, name, seed=0):
    dataset = augmented(tf.data.Dataset.from_tensor_slices(array), name, seed)
    return np.stack(list(dataset.as_numpy_iterator()))


def test_none_changes_nothing():
    array = images((6, 6, 1))
    np.testing.assert_array_equal(changed(array, "none"), array)


@pytest.mark.parametrize("shape, ways", [((5, 5, 3), 8), ((5, 7, 1), 4)])
def test_texture_flips_and_turns_and_reaches_every_way(shape, ways):
    array = images(shape, 200)
    found = set()
    turns = range(4) if shape[0] == shape[1] else (0, 2)
    for image, other in zip(array, changed(array, "texture"), strict=True):
        possible = {(turn, flip): np.rot90(image, turn)[:, :: 1 - 2 * flip] for turn in turns for flip in (0, 1)}
        matches = [way for way, expected in possible.items() if np.array_equal(other, expected)]
        assert len(matches) == 1
        found.update(matches)
    assert len(found) == ways


def test_aligned_shifts_by_four_percent_and_changes_brightness_by_a_tenth():
    array = images((50, 75, 1), 200)
    shifts, changes = set(), []
    for image, other in zip(array, changed(array, "aligned"), strict=True):
        inner = other[5:-5, 5:-5].astype(int)
        best = {}
        for down in range(-3, 4):
            for right in range(-4, 5):
                moved = image[5 + down : 45 + down, 5 + right : 70 + right].astype(int)
                best[down, right] = (inner - moved).std()
        shift = min(best, key=best.get)
        assert best[shift] == 0  # nothing but a shift and an even change of brightness
        moved = image[5 + shift[0] : 45 + shift[0], 5 + shift[1] : 70 + shift[1]].astype(int)
        shifts.add(shift)
        changes.append((inner - moved).mean())
    assert {down for down, _ in shifts} == set(range(-2, 3))
    assert {right for _, right in shifts} == set(range(-3, 4))
    assert -25.6 <= min(changes) < -20 and 20 < max(changes) <= 25.6


def test_aligned_repeats_the_border_and_stays_within_bytes():
    array = np.tile(np.array([0, 255], "uint8")[:, None, None, None], (1, 40, 40, 1))
    for image, other in zip(array, changed(array, "aligned"), strict=True):
        assert np.unique(other).size == 1 and abs(int(other[0, 0, 0]) - int(image[0, 0, 0])) <= 26


@pytest.mark.parametrize("name", ["texture", "aligned"])
def test_changes_are_anew_in_each_epoch_and_the_same_for_the_same_seed(name):
    array = images((8, 8, 1), 30)
    dataset = augmented(tf.data.Dataset.from_tensor_slices(array), name, 3)
    epochs = [np.stack(list(dataset.as_numpy_iterator())) for _ in range(2)]
    assert not np.array_equal(*epochs)
    again = augmented(tf.data.Dataset.from_tensor_slices(array), name, 3)
    for epoch in epochs:
        np.testing.assert_array_equal(np.stack(list(again.as_numpy_iterator())), epoch)
    assert not np.array_equal(changed(array, name, 4), epochs[0])


def test_only_shuffled_batches_are_augmented():
    array = images((8, 8, 1), 12)
    split = Split(tf.data.Dataset.from_tensor_slices(array), 12)
    plain = np.concatenate(list(batches(split, 5).as_numpy_iterator()))
    np.testing.assert_allclose(255 * plain, array, rtol=1e-5)
    bright = np.concatenate(list(batches(split, 5, 0, "aligned").as_numpy_iterator()))
    assert bright.shape == plain.shape and not np.allclose(
        np.sort(bright.mean((1, 2, 3))), np.sort(plain.mean((1, 2, 3)))
    )


def test_validation_is_not_augmented():
    plain, changed = (load_data(DataConfig(augment=name), 0) for name in ("none", "texture"))
    for one, other in zip(plain.validation.images, changed.validation.images, strict=True):
        np.testing.assert_array_equal(one, other)
