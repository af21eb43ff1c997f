"""Routing written for integers says, in floats, what the layers of the network say."""

import keras
import numpy as np
import pytest

from export.quantization.full_integer_routing import LongestInIntegers, RoutingInIntegers, network_in_integers
from layers import DynamicRouting, LongestVector
from piade_tf.config import NetworkConfig
from piade_tf.model.network import build_network


@pytest.mark.parametrize("num_capsules, iterations", [(1, 3), (2, 1), (2, 3), (3, 4)])
def test_routing_is_that_of_the_layer(num_capsules, iterations):
    keras.utils.set_random_seed(0)
    capsules = np.random.default_rng(0).uniform(0, 1, (2, 10, 4)).astype("float32")
    ours = RoutingInIntegers(num_capsules, 6, iterations)
    layer = DynamicRouting(num_capsules, 6, iterations)
    ours(capsules), layer(capsules)
    layer.set_weights([np.random.default_rng(1).normal(0, 0.5, layer.kernel.shape)])
    ours.set_weights(layer.get_weights())
    np.testing.assert_allclose(ours(capsules), layer(capsules), atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_longest_vector_is_chosen_where_lengths_differ(count):
    vectors = np.random.default_rng(0).normal(0, 1, (50, count, 8)).astype("float32")
    squares = np.linspace(0.9, 0.9 - 0.002 * (count - 1), count).astype("float32")
    vectors *= np.sqrt(squares / np.square(vectors).sum(-1))[..., None]
    vectors = vectors[:, np.random.default_rng(1).permutation(count)]
    np.testing.assert_allclose(LongestInIntegers()(vectors), LongestVector()(vectors), atol=1e-4)


def test_the_network_keeps_its_weights_and_what_it_says():
    keras.utils.set_random_seed(0)
    config = NetworkConfig(
        widths=(8, 16), magnifications=(1, 2), capsule_dim=4, vector_dim=6, upsampling=(16,), num_vectors=2
    )
    network = build_network(config, 29, 32, 3)
    copy = network_in_integers(network)
    images = np.random.default_rng(0).uniform(0, 1, (2, 29, 32, 3)).astype("float32")
    expected, found = network(images), copy(images)
    assert found.keys() == expected.keys()
    assert not any(type(layer) in (DynamicRouting, LongestVector) for layer in copy.layers)
    for name in expected:
        if name.startswith("feature_map"):
            np.testing.assert_array_equal(found[name], expected[name])
