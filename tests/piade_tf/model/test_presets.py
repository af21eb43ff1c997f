from piade_tf.model.network import build_network
from piade_tf.model.presets import preset_config


def test_compact_stays_below_1_1_million_parameters_at_32x32():
    assert build_network(preset_config("compact").network, 32, 32, 1).count_params() <= 1_100_000


def test_paper_is_the_network_of_the_figure():
    config = preset_config("paper")
    assert (config.data.image_size, config.data.crop) == ((156,), (120,))
    assert (config.network.depth, config.network.widths[0], config.network.skip) == (18, 64, True)
    assert config.network.encoder == "scratch"
    assert config.network.magnifications == (1, 2, 4, 8)
    assert (config.network.num_vectors, config.network.vector_dim, config.network.iterations) == (2, 64, 3)
    assert build_network(config.network, 120, 120, 3).count_params() == 34_592_699
