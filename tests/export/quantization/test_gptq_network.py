"""The network with rounded kernels: on the grid of 8 bits, and what it says is nearly what the network says."""

import keras
import numpy as np
import pytest

from export.quantization.gptq_network import rounded
from piade_tf.config import NetworkConfig
from piade_tf.model.network import build_network

NETWORKS = {
    "two stages": ((29, 32, 3), {"widths": (8, 16), "magnifications": (1, 2)}),
    "with a skip": ((32, 32, 1), {"widths": (8, 16), "magnifications": (1, 2), "skip": True}),
    "of bottlenecks": ((40, 28, 1), {"widths": (4, 8), "magnifications": (1,), "depth": 50}),
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def network(request):
    shape, options = request.param
    keras.utils.set_random_seed(0)
    network = build_network(NetworkConfig(vector_dim=8, upsampling=(16,), **options), *shape)
    rng = np.random.default_rng(0)
    network.set_weights(
        [rng.uniform(0.5, 1.5, w.shape) if "variance" in w.path or "gamma" in w.path else w for w in network.weights]
    )
    return network


@pytest.fixture
def images(network):
    """Smooth, as photographs are."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (30, 4, 4, network.input.shape[3])).astype("float32")
    return np.asarray(keras.ops.image.resize(coarse, network.input.shape[1:3])).round().astype("uint8")


def convolutions(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]


def nearest(kernel):
    step = np.abs(kernel).max((0, 1, 2)) / 127
    return step * np.rint(kernel / step)


def test_kernels_are_on_the_grid_that_a_quantizer_finds(network, images):
    for layer in convolutions(rounded(network, images)):
        kernel = np.asarray(layer.kernel)
        np.testing.assert_allclose(nearest(kernel), kernel, atol=1e-6 * np.abs(kernel).max())


def test_only_kernels_and_moving_means_change_and_the_network_itself_stays(network, images):
    before = network.get_weights()
    found = rounded(network, images)
    for weight, old, new in zip(network.weights, before, found.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, old)
        may_change = "_conv/kernel" in weight.path or "moving_mean" in weight.path
        assert may_change or np.array_equal(old, new), weight.path


def test_feature_maps_and_vectors_are_nearer_than_with_the_nearest_steps(network, images):
    unseen = images[20:] / np.float32(255)
    simply = keras.models.clone_model(network)
    simply.set_weights(network.get_weights())
    for layer in convolutions(simply):
        layer.kernel.assign(nearest(np.asarray(layer.kernel)))
    expected, ours, theirs = (model(unseen) for model in (network, rounded(network, images[:20]), simply))
    for name in [*(name for name in expected if name.startswith("feature_map")), "instantiation_vectors"]:
        error, their_error = (np.square(found[name] - expected[name]).mean() for found in (ours, theirs))
        assert error < their_error / 2, name
