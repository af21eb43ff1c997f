"""DynamicRouting against Sabour et al. 2017, procedure 1 and equation 1; its gradient and its limits."""

import numpy as np
import pytest
import tensorflow as tf

from layers import DynamicRouting

CAPSULES, DIM = 6, 4


def squash_reference(s):
    length = np.sqrt(sum(component**2 for component in s))
    return length**2 / (1 + length**2) * (s / length)


def predict(capsules, kernel, vectors):
    """u_hat[i][j] = W_ij u_i for one image."""
    dim = kernel.shape[2] // vectors
    return [[capsules[i] @ kernel[i][:, j * dim : (j + 1) * dim] for j in range(vectors)] for i in range(len(capsules))]


def last_iteration(u_hat, couplings):
    count, vectors = len(u_hat), len(u_hat[0])
    return [squash_reference(sum(couplings[i][j] * u_hat[i][j] for i in range(count))) for j in range(vectors)]


def route(capsules, kernel, vectors, iterations):
    """The vectors of one image, and the coupling coefficients of the last iteration."""
    u_hat = predict(capsules, kernel, vectors)
    b = np.zeros((len(capsules), vectors))
    for _ in range(iterations):
        c = [[np.exp(b[i][j]) / sum(np.exp(b[i])) for j in range(vectors)] for i in range(len(capsules))]
        v = last_iteration(u_hat, c)
        for i in range(len(capsules)):
            for j in range(vectors):
                b[i][j] += np.dot(u_hat[i][j], v[j])
    return np.array(v), c


def finite_difference(function, point, step=1e-6):
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        offset = np.zeros_like(point)
        offset[index] = step
        gradient[index] = (function(point + offset) - function(point - offset)) / (2 * step)
    return gradient


def layer_and_input(vectors=2, iterations=3, dim=5, batch=2, dtype="float64"):
    rng = np.random.default_rng(10 * vectors + iterations)
    layer = DynamicRouting(vectors, dim, iterations, dtype=dtype)
    layer.build((None, CAPSULES, DIM))
    layer.kernel.assign(rng.normal(size=layer.kernel.shape))
    return layer, rng.normal(size=(batch, CAPSULES, DIM))


def gradients(layer, inputs, weights):
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = layer(inputs)
        loss = tf.reduce_sum(output * tf.cast(weights, output.dtype))
    return output, *tape.gradient(loss, [inputs, layer.kernel.value])


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis 2")
@pytest.mark.parametrize("iterations", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("vectors", [1, 2, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_equals_procedure_1(vectors, iterations, dtype, tolerance):
    layer, inputs = layer_and_input(vectors, iterations, dtype=dtype)
    kernel = np.asarray(layer.kernel, "float64")
    expected = [route(image, kernel, vectors, iterations)[0] for image in inputs]
    np.testing.assert_allclose(layer(inputs), expected, rtol=0, atol=tolerance)


def test_every_iteration_changes_the_result():
    outputs = []
    for iterations in range(1, 6):
        layer, inputs = layer_and_input()
        layer.iterations = iterations
        outputs.append(np.asarray(layer(inputs)))
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(outputs, outputs[1:], strict=False))


@pytest.mark.parametrize("iterations", [1, 2, 3, 5])
def test_gradient_is_that_of_the_last_iteration_with_constant_couplings(iterations):
    layer, inputs = layer_and_input(iterations=iterations, batch=1)
    kernel, weights = np.asarray(layer.kernel), np.random.default_rng(0).normal(size=(2, 5))
    _, couplings = route(inputs[0], kernel, 2, iterations)

    def loss(capsules, kernel):
        return np.sum(weights * last_iteration(predict(capsules, kernel, 2), couplings))

    _, input_gradient, kernel_gradient = gradients(layer, inputs, weights)
    np.testing.assert_allclose(
        input_gradient[0], finite_difference(lambda u: loss(u, kernel), inputs[0]), rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(
        kernel_gradient, finite_difference(lambda w: loss(inputs[0], w), kernel), rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("iterations", [2, 3, 5])
def test_gradient_is_not_the_total_derivative(iterations):
    layer, inputs = layer_and_input(iterations=iterations, batch=1)
    kernel, weights = np.asarray(layer.kernel), np.random.default_rng(0).normal(size=(2, 5))
    _, input_gradient, _ = gradients(layer, inputs, weights)
    total = finite_difference(lambda u: np.sum(weights * route(u, kernel, 2, iterations)[0]), inputs[0])
    assert np.abs(input_gradient[0] - total).max() > 1e-2


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("signs", ["equal", "mixed"])
@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("float32", 0.0),
        ("float32", 1e-30),
        ("float32", 1e30),
        ("float16", 0.0),
        ("float16", float(np.finfo("float16").max) / 100),
        ("bfloat16", 0.0),
        ("bfloat16", 1e30),
    ],
)
def test_output_and_gradients_are_finite_for_zero_and_very_large_capsules(dtype, size, signs, iterations):
    rng = np.random.default_rng(6)
    inputs = np.full((2, 84, 8), size) * (1.0 if signs == "equal" else rng.choice([-1.0, 1.0], (2, 84, 8)))
    layer = DynamicRouting(2, 16, iterations, dtype=dtype)
    layer.build(inputs.shape)
    layer.kernel.assign(rng.normal(0.5, 0.5, layer.kernel.shape))

    output, *both = gradients(layer, tf.cast(inputs, dtype), rng.normal(size=(2, 2, 16)))

    assert np.isfinite(tf.cast(output, "float32")).all()
    for gradient in both:
        assert gradient.dtype == dtype
        assert np.isfinite(tf.cast(gradient, "float32")).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_gradients_of_half_precision_reach_the_input_and_the_kernel(dtype):
    layer, inputs = layer_and_input(dtype=dtype)
    _, input_gradient, kernel_gradient = gradients(layer, tf.cast(inputs, dtype), np.ones((2, 2, 5)))
    exact_layer, _ = layer_and_input()
    exact_layer.kernel.assign(tf.cast(layer.kernel.value, "float64"))
    _, exact_input, exact_kernel = gradients(
        exact_layer, tf.cast(tf.cast(inputs, dtype), "float64"), np.ones((2, 2, 5))
    )
    np.testing.assert_allclose(tf.cast(input_gradient, "float64"), exact_input, rtol=0.01, atol=0.01)
    np.testing.assert_allclose(tf.cast(kernel_gradient, "float64"), exact_kernel, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e6, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_vectors_are_no_longer_than_1(size, dtype):
    layer, inputs = layer_and_input(vectors=3, dtype=dtype)
    lengths = np.linalg.norm(tf.cast(layer(inputs * size), "float64"), axis=-1)
    assert (lengths <= 1 + (1e-6 if dtype == "float32" else 4e-3)).all()
    assert size < 1e3 or (lengths > 0.99).all()


def test_zero_capsules_make_zero_vectors():
    layer, inputs = layer_and_input(dtype="float32")
    np.testing.assert_array_equal(layer(0 * inputs), np.zeros((2, 2, 5)))


def test_large_capsules_in_half_precision_have_the_direction_of_exact_ones():
    layer, inputs = layer_and_input(dtype="float16")
    exact_layer, _ = layer_and_input()
    exact_layer.kernel.assign(tf.cast(layer.kernel.value, "float64"))
    large = (inputs / np.abs(inputs).max() * 6e4).astype("float16")
    np.testing.assert_allclose(layer(large), exact_layer(large.astype("float64")), rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", ["num_capsules", "capsule_dim", "iterations"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None])
def test_refuses_an_argument_that_is_no_positive_integer(name, value):
    with pytest.raises(ValueError, match=rf"DynamicRouting: `{name}` must be an integer of at least 1, got"):
        DynamicRouting(**{name: value})


@pytest.mark.parametrize("shape", [(2, 8), (2, 4, 4, 8), (2, None, 8), (2, 84, None)])
def test_refuses_an_input_that_is_no_known_number_of_capsules(shape):
    with pytest.raises(ValueError, match=r"DynamicRouting: expected an input of shape \(batch, capsules, dimension\)"):
        DynamicRouting().build(shape)
