"""Rounding for inputs: integers on their grid, as GPTQ written down plainly, and better than to the nearest step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.quantization.gptq import BLOCK, DAMPING, round_columns


def alike(count, outputs, seed=0):
    """Weights, and the second moment of inputs of which neighbours are alike, as pixels are."""
    rng = np.random.default_rng(seed)
    inputs = np.cumsum(rng.normal(size=(3 * count, count)), axis=1) + rng.normal(size=(3 * count, 1))
    return rng.normal(size=(count, outputs)), inputs.T @ inputs


def plainly(weights, moment):
    """Weight by weight, with a new inverse for those that are left (Frantar and Alistarh 2022, arXiv 2208.11580)."""
    step = np.abs(weights).max(0) / 127
    damped = moment + DAMPING * np.trace(moment) / len(moment) * np.eye(len(moment))
    left, integers = weights / step, np.empty_like(weights)
    exact = np.abs(weights) == np.abs(weights).max(0)
    for i in range(len(weights)):
        integers[i] = np.clip(np.rint(left[i]), -127, 127)
        inverse = np.linalg.inv(damped[i:, i:])
        change = np.outer(inverse[1:, 0] / inverse[0, 0], left[i] - integers[i])
        left[i + 1 :] -= np.where(exact[i + 1 :], 0, change)
    return integers, step


@pytest.mark.parametrize("count", [3, 40, BLOCK, BLOCK + 37])
def test_it_is_gptq(count):
    weights, moment = alike(count, 5)
    integers, step = round_columns(weights, moment)
    expected, expected_step = plainly(weights, moment)
    np.testing.assert_allclose(step[0], expected_step)
    assert (integers != expected).mean() < 0.01  # a half rounds either way


@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_every_weight_is_an_integer_and_the_largest_of_a_column_stays(count, outputs, seed):
    weights, moment = alike(count, outputs, seed)
    integers, step = round_columns(weights, moment)
    np.testing.assert_array_equal(integers, np.rint(integers))
    assert np.abs(integers).max(0).tolist() == [127] * outputs  # so a quantizer finds the same grid
    largest = np.abs(weights).argmax(0), np.arange(outputs)
    np.testing.assert_allclose((integers * step)[largest], weights[largest])


def test_what_comes_out_is_three_times_nearer_than_with_the_nearest_steps():
    weights, moment = alike(200, 20)

    def error(rounded):
        return np.einsum("ik,ij,jk->", rounded - weights, moment, rounded - weights)

    integers, step = round_columns(weights, moment)
    assert error(integers * step) < error(np.rint(weights / step) * step) / 9  # squared: a third


def test_inputs_that_know_nothing_of_each_other_leave_the_nearest_steps():
    weights, _ = alike(30, 4)
    integers, step = round_columns(weights, np.diag(np.geomspace(1e-6, 1, 30)))
    np.testing.assert_array_equal(integers, np.rint(weights / step))


def test_matrices_side_by_side_are_rounded_each_by_itself():
    pairs = [alike(20, 3, seed) for seed in range(4)]
    integers, step = round_columns(*map(np.stack, zip(*pairs, strict=True)))
    for i, (weights, moment) in enumerate(pairs):
        alone, its_step = round_columns(weights, moment)
        np.testing.assert_array_equal(integers[i], alone)
        np.testing.assert_array_equal(step[i], its_step)


def test_columns_and_inputs_of_nothing_but_zeros_stay():
    integers, step = round_columns(np.zeros((4, 2)), np.zeros((4, 4)))
    assert not integers.any() and (step == 1).all()
