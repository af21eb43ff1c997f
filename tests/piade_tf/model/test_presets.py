import pytest
from keras import Sequential, layers

from piade_tf.complexity import multiply_adds
from piade_tf.model.network import build_network
from piade_tf.model.presets import COSTS, PRESETS, preset_config


@pytest.mark.parametrize("preset, image_shape", COSTS)
def test_a_preset_costs_what_is_stated(preset, image_shape):
    network = build_network(preset_config(preset).network, *image_shape)
    assert (network.count_params(), multiply_adds(network)) == COSTS[preset, image_shape]


def test_compact_stays_below_1_1_million_parameters_at_32x32():
    assert COSTS["compact", (32, 32, 1)][0] <= 1_100_000


def test_paper_is_the_network_of_the_figure():
    config = preset_config("paper")
    assert (config.data.image_size, config.data.crop) == ((156,), (120,))
    assert (config.network.depth, config.network.widths[0], config.network.skip) == (18, 64, True)
    assert config.network.magnifications == (1, 2, 4, 8)
    assert (config.network.num_vectors, config.network.vector_dim, config.network.iterations) == (2, 64, 3)


def test_every_preset_has_its_cost_stated():
    assert {preset for preset, _ in COSTS} == set(PRESETS)


def test_multiply_adds_are_those_of_the_formulas():
    model = Sequential(
        [
            layers.Input((9, 7, 3)),
            layers.Conv2D(5, 3, strides=2, padding="same"),
            layers.Conv2DTranspose(2, 4, strides=2, padding="same"),
            layers.Flatten(),
            layers.Dense(11),
        ]
    )
    convolution = (5 * 4 * 5) * (3 * 3 * 3)
    transposed = (5 * 4 * 5) * (4 * 4 * 2)
    dense = (10 * 8 * 2) * 11
    assert multiply_adds(model) == convolution + transposed + dense
