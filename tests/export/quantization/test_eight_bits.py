"""Rounding to integers: on the grid, the nearest, and with a step for each column."""

import numpy as np

from export.quantization.eight_bits import LARGEST, rounded_columns

WEIGHTS = np.random.default_rng(0).normal(0, [0.01, 1, 100, 0], (3, 20, 4)).astype("float32")


def test_integers_times_their_step_are_within_half_a_step_of_the_weights():
    integers, step = rounded_columns(WEIGHTS)
    assert step.shape == (3, 1, 4) and np.array_equal(integers, np.round(integers))
    assert np.all(np.abs(integers * step - WEIGHTS) <= 0.501 * step)


def test_the_largest_weight_of_each_column_uses_the_whole_range():
    integers, _ = rounded_columns(WEIGHTS[..., :3])
    assert np.all(np.abs(integers).max(axis=1) == LARGEST)


def test_a_column_of_zeros_stays_one():
    integers, step = rounded_columns(WEIGHTS)
    assert not integers[..., 3].any() and np.all(step[..., 3] > 0)
