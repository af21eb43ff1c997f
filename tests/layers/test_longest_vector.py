"""LongestVector against NumPy's argmax, on ties to the bit, and its gradient."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layers import LongestVector


def reference(inputs):
    chosen = [np.argmax([sum(float(x) ** 2 for x in vector) for vector in vectors]) for vectors in inputs]
    return np.array(chosen), np.stack([vectors[i] for vectors, i in zip(inputs, chosen, strict=True)])


def assert_same_bits(actual, expected):
    actual = np.asarray(actual)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert actual.tobytes() == expected.tobytes()


# Small whole numbers: their squares are exact, and vectors of equal length are frequent.
@settings(deadline=None, max_examples=50)
@given(st.integers(1, 5).flatmap(lambda k: arrays("int8", (4, k, 3), elements=st.integers(-3, 3))))
def test_chooses_the_vector_that_argmax_chooses(inputs):
    inputs = inputs.astype("float32")
    assert_same_bits(LongestVector()(inputs), reference(inputs)[1])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_returns_the_chosen_vector_to_the_bit(count, dtype):
    inputs = np.random.default_rng(count).normal(size=(32, count, 64)).astype(dtype)
    chosen, expected = reference(inputs)
    assert len(set(chosen)) == count
    assert_same_bits(LongestVector(dtype=dtype)(inputs), expected)


@pytest.mark.parametrize(
    "vectors",
    [
        [[0.3, -0.4], [0.4, 0.3]],
        [[-0.1, 0.7], [0.1, -0.7]],
        [[0.1, 0.1], [0.5, 0.2], [-0.5, 0.2], [0.5, -0.2]],
        [[0.6, 0.1], [0.2, 0.2], [0.6, -0.1]],
        [[0.9, 0.8], [0.9, 0.8], [0.9, 0.8]],
    ],
)
def test_of_equally_long_vectors_the_first_is_chosen(vectors):
    inputs = np.array([vectors], "float32")
    assert_same_bits(LongestVector()(inputs), reference(inputs)[1])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_zero_vectors_a_zero_vector_is_chosen_and_its_gradient_is_the_first_ones(count):
    inputs = tf.zeros((2, count, 4))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = LongestVector()(inputs)
    assert_same_bits(output, np.zeros((2, 4), "float32"))
    expected = np.zeros((2, count, 4))
    expected[:, 0] = 1.0
    np.testing.assert_array_equal(tape.gradient(output, inputs), expected)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_gradient_reaches_only_the_chosen_vector(count):
    rng = np.random.default_rng(count)
    inputs, weights = rng.normal(size=(8, count, 5)).astype("float32"), rng.normal(size=(8, 5)).astype("float32")
    chosen, _ = reference(inputs)
    variable = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * LongestVector()(variable))
    expected = np.zeros_like(inputs)
    expected[np.arange(8), chosen] = weights
    np.testing.assert_array_equal(tape.gradient(loss, variable), expected)


@pytest.mark.parametrize(("dtype", "size"), [("float16", 300.0), ("float16", 1e-4), ("float32", 1e15)])
def test_compares_lengths_whose_squares_do_not_fit_the_dtype(dtype, size):
    inputs = np.array([[[size, 0.0], [2 * size, 0.0]]], dtype)
    assert_same_bits(LongestVector(dtype=dtype)(inputs), inputs[:, 1])


def test_compares_double_precision_in_double_precision():
    inputs = np.array([[[1.0, 0.0], [1.0 + 1e-10, 0.0]]])
    assert_same_bits(LongestVector(dtype="float64")(inputs), inputs[:, 1])


@pytest.mark.parametrize("shape", [(2, 8), (2, 2, 2, 8), (2, None, 8), (2, 3, None)])
def test_refuses_an_input_that_is_no_known_number_of_vectors(shape):
    with pytest.raises(ValueError, match=r"LongestVector: expected an input of shape \(batch, vectors, dimension\)"):
        LongestVector().build(shape)
