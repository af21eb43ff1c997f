"""The network: shapes for every kind of image, options, outputs, and what it refuses."""

import dataclasses
import typing

import keras
import numpy as np
import pytest

from piade_tf.config import LARGEST_FROM_SCRATCH, MIN_SIDE, EncoderName, NetworkConfig
from piade_tf.errors import InputError
from piade_tf.model.network import POOLED, build_network, decoder_part, is_pretrained


def images_for(network, count=3, seed=0):
    return np.random.default_rng(seed).random((count, *network.input.shape[1:])).astype("float32")


def layer_names(network):
    return [layer.name for layer in network.layers]


@pytest.mark.parametrize(
    "height, width, channels",
    [(28, 28, 1), (29, 61, 1), (33, 47, 3), (64, 28, 1), (28, 512, 3), (301, 192, 1), (512, 512, 3)],
)
def test_the_reconstruction_has_the_shape_of_the_image(tiny, height, width, channels):
    config = dataclasses.replace(tiny, encoder="scratch", stem_stride=0)  # scaled with the image
    network = build_network(config, height, width, channels)
    assert network.output["reconstruction"].shape == (None, height, width, channels)
    reconstruction = network(images_for(network, 2))["reconstruction"]
    assert reconstruction.shape == (2, height, width, channels)
    assert np.min(reconstruction) >= 0 and np.max(reconstruction) <= 1


@pytest.mark.parametrize("stem_stride", [1, 2, 3, 4])
@pytest.mark.parametrize("height, width", [(28, 28), (29, 61), (33, 47)])
def test_any_stride_of_two_stages_comes_back_to_the_size(small, stem_stride, height, width):
    config = dataclasses.replace(small, stem_stride=stem_stride, squeeze_excitation=False)
    assert build_network(config, height, width, 1).output["reconstruction"].shape[1:3] == (height, width)


def test_outputs_by_name(fitted, small):
    outputs = fitted.network.output
    assert set(outputs) == {"reconstruction", "instantiation_vectors", "latent", "feature_map_0", "feature_map_1"}
    assert outputs["instantiation_vectors"].shape == (None, small.num_vectors, small.vector_dim)
    assert outputs["latent"].shape == (None, small.vector_dim)
    assert outputs["feature_map_0"].shape == (None, 14, 14, small.widths[0])
    assert outputs["feature_map_1"].shape == (None, 7, 7, small.widths[1])


def test_the_latent_is_the_longest_instantiation_vector(fitted):
    outputs = fitted.network(images_for(fitted.network, 16))
    vectors = np.asarray(outputs["instantiation_vectors"])
    longest = np.argmax(np.linalg.norm(vectors, axis=2), axis=1)
    np.testing.assert_array_equal(outputs["latent"], vectors[np.arange(16), longest])


def test_one_vector_is_the_latent(tiny):
    network = build_network(dataclasses.replace(tiny, num_vectors=1), 28, 28, 1)
    outputs = network(images_for(network))
    np.testing.assert_array_equal(outputs["latent"], np.asarray(outputs["instantiation_vectors"])[:, 0])


def test_without_routing_a_dense_layer_of_as_many_weights_makes_the_vectors(small):
    routed, dense = (build_network(dataclasses.replace(small, routing=routing), 28, 28, 1) for routing in (True, False))
    capsules = dense.get_layer("pyramid_pooling").output
    values = np.random.default_rng(0).normal(size=(3, *capsules.shape[1:])).astype("float32")
    kernel = np.asarray(dense.get_layer("instantiation_vectors_dense").kernel)
    expected = (values.reshape(3, -1) @ kernel).reshape(3, small.num_vectors, small.vector_dim)
    vectors = keras.Model(capsules, dense.output["instantiation_vectors"])(values)
    np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-5)
    assert dense.count_params() == routed.count_params()


@pytest.mark.parametrize("skip", [True, False])
def test_the_decoder_sees_the_image_beside_the_latent_only_with_the_skip(small, randomize, skip):
    network = randomize(build_network(dataclasses.replace(small, skip=skip), 28, 28, 1))
    for layer in network.layers:
        if layer.name.startswith("upsampling_"):
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    first, second = np.asarray(network(images_for(network, 2))["reconstruction"])
    assert (np.abs(first - second).max() > 1e-3) == skip


@pytest.mark.parametrize("side, expected", [(28, True), (64, False)])
def test_the_upsampling_is_normalised_from_scratch_alone_unless_told(side, expected):
    def is_normalised(norm):
        config = NetworkConfig(encoder_weights="random", upsampling_norm=norm)
        network = build_network(config, side, side, 3)
        found = {name for name in layer_names(network) if name.startswith("upsampling") and name.endswith("_bn")}
        biases = {network.get_layer(f"upsampling_{step}").use_bias for step in range(3)}
        assert len(found) in (0, 3) and biases == {not found}
        return bool(found)

    assert [is_normalised(norm) for norm in ("auto", "batch", "none")] == [expected, True, False]


def test_depth_50_has_bottlenecks_and_more_blocks(tiny):
    blocks = {depth: build_network(dataclasses.replace(tiny, depth=depth), 28, 28, 1) for depth in (18, 50)}
    assert [blocks[depth].output["feature_map_0"].shape[-1] for depth in (18, 50)] == [8, 32]
    assert "stage0_block1_se" in layer_names(blocks[18]) and "stage0_block2_se" not in layer_names(blocks[18])
    assert "stage0_block2_se" in layer_names(blocks[50]) and "stage0_block3_se" not in layer_names(blocks[50])
    assert blocks[50].get_layer("stage0_block0_1_conv").kernel.shape[:2] == (1, 1)
    assert blocks[18].get_layer("stage0_block0_1_conv").kernel.shape[:2] == (3, 3)


def test_squeeze_excitation_can_be_left_out(tiny):
    network = build_network(dataclasses.replace(tiny, squeeze_excitation=False), 28, 28, 1)
    assert not [name for name in layer_names(network) if name.endswith("_se")]


def test_pyramid_without_grid_has_fewer_capsules(tiny):
    shapes = [
        build_network(dataclasses.replace(tiny, grid=grid), 28, 28, 1).get_layer("pyramid_pooling").output.shape
        for grid in (True, False)
    ]
    # 8 channels at magnification 1, 4 at magnification 2, in capsules of 4.
    assert shapes == [(None, 2 + 4 * 1, 4), (None, 2 + 1, 4)]


def test_tanh_reaches_below_zero(tiny, randomize):
    network = randomize(build_network(dataclasses.replace(tiny, output_activation="tanh"), 28, 28, 1))
    assert np.min(network(images_for(network))["reconstruction"]) < 0


@pytest.mark.parametrize("side", [28, 32, 63, 64, 128, 191, 192, 256, 512])
def test_scaling_with_the_image_fills_in_everything_and_is_final(side):
    config = NetworkConfig(encoder="scratch").for_image(side, side)
    assert config.stem_stride and config.stem_kernel and config.widths
    assert len(config.decoder_widths) == len(config.widths)
    assert config.for_image(side, side) == config
    smallest_map = -(-side // config.stem_stride) / 2 ** (len(config.widths) - 1)
    assert smallest_map + 1 > max(config.magnifications)


def test_scaling_with_the_image_keeps_what_was_given():
    given = NetworkConfig(
        encoder="scratch", upsampling=(5,), upsampling_norm="none",
        stem_stride=3, stem_kernel=5, widths=(7, 9), decoder_widths=(6, 5),
    )  # fmt: skip
    assert given.for_image(200, 300) == given


@pytest.mark.parametrize("size", [(27, 28), (28, 27), (513, 64), (64, 513), (0, 0)])
def test_refuses_image_sizes_out_of_range(tiny, size):
    assert (MIN_SIDE, LARGEST_FROM_SCRATCH) == (28, 512)
    with pytest.raises(
        InputError, match=f"images of {size[0]}x{size[1]} do not fit.*28 to 512.*--image-size"
    ) as excinfo:
        build_network(dataclasses.replace(tiny, encoder="scratch"), *size, 1)
    assert "\n" not in str(excinfo.value)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"magnifications": (1, 16)}, "28x28 images do not fit the network: .*16"),
        ({"magnifications": (1, 9)}, "28x28 images do not fit the network: .*9"),
        ({"capsule_dim": 5}, "28x28 images do not fit the network: .*5"),
        ({"vector_dim": 0}, "28x28 images do not fit the network: .*capsule_dim"),
        ({"decoder_widths": (8, 8, 8)}, "at most 4 stages and --network.decoder-widths as many, got 1 and 3"),
        ({"widths": (8,) * 5, "magnifications": (1,)}, "at most 4 stages .* got 5 and 0"),
    ],
)
def test_refuses_what_does_not_fit_in_one_line(tiny, changes, message):
    with pytest.raises(InputError, match=message) as excinfo:
        build_network(dataclasses.replace(tiny, **changes), 28, 28, 1)
    assert "\n" not in str(excinfo.value)


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_refuses_other_numbers_of_channels(tiny, channels):
    with pytest.raises(InputError, match=f"1 or 3 channels, got {channels}"):
        build_network(tiny, 28, 28, channels)


def test_the_saved_network_loads_with_keras_and_layers_alone(on_jax):
    assert on_jax.report == {"backend": "jax", "needed_piade_tf": False, "needed_tensorflow": False}


@pytest.mark.parametrize("name", ["reconstruction", "instantiation_vectors", "latent"])
def test_the_loaded_network_gives_the_same_outputs_on_jax(on_jax, name):
    np.testing.assert_allclose(on_jax.jax[name], on_jax.tensorflow[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("side, encoder", [(28, "scratch"), (63, "scratch"), (64, "efficientnet_lite0")])
def test_auto_takes_the_pretrained_encoder_from_64_pixels_on(side, encoder):
    assert NetworkConfig().for_image(side, 200).encoder == encoder


@pytest.mark.parametrize("size", [(63, 64), (64, 1025)])
def test_a_pretrained_encoder_refuses_sizes_out_of_range(size):
    with pytest.raises(InputError, match="efficientnet_lite0 each side must be 64 to 1024.*--image-size"):
        build_network(NetworkConfig(encoder="efficientnet_lite0"), *size, 3)


@pytest.mark.parametrize(
    "given, option",
    [
        ({"squeeze_excitation": False}, "--network.no-squeeze-excitation"),
        ({"depth": 50}, "--network.depth"),
        ({"widths": (8, 16)}, "--network.widths"),
        ({"stem_kernel": 5}, "--network.stem-kernel"),
        ({"stem_stride": 2}, "--network.stem-stride"),
    ],
)
def test_a_pretrained_encoder_refuses_what_would_not_change_it(given, option):
    with pytest.raises(InputError, match=f"^{option} can .* encoder is efficientnet_lite0; add --encoder scratch"):
        NetworkConfig(**given).check_for_image(64, 64)
    NetworkConfig(**given, encoder="scratch").check_for_image(64, 64)


def test_classes_have_the_last_blocks_of_efficientnet_lite0_and_parts_have_not():
    config = NetworkConfig(encoder="efficientnet_lite0", encoder_weights="random")
    channels = [
        build_network(config, 64, 64, 3, kind).output["feature_map_2"].shape[-1] for kind in ("classes", "parts")
    ]
    assert channels == [320, 192]


@pytest.mark.parametrize("encoder", [name for name in typing.get_args(EncoderName) if name not in ("auto", "scratch")])
def test_every_encoder_is_frozen_and_gives_maps_of_strides_8_16_and_32(encoder):
    network = build_network(NetworkConfig(encoder=encoder, encoder_weights="random"), 96, 64, 1)
    maps = [network.output[f"feature_map_{i}"].shape[1:3] for i in range(3)]
    assert maps == [(12, 8), (6, 4), (3, 2)]
    assert max(network.output[f"feature_map_{i}"].shape[-1] for i in range(3)) <= 256
    assert network.output["reconstruction"].shape == (None, 96, 64, 1)
    trained = {weight.path.split("/")[0] for weight in network.trainable_weights}
    assert trained and encoder not in trained and is_pretrained(network)


def test_the_decoder_part_makes_of_the_pooled_map_what_the_network_does():
    network = build_network(NetworkConfig(encoder="efficientnet_lite0", encoder_weights="random"), 64, 64, 3)
    images = np.random.default_rng(0).random((2, 64, 64, 3)).astype("float32")
    outputs = network(images)
    found = decoder_part(network)(outputs[f"feature_map_{POOLED}"])
    for name, values in found.items():
        np.testing.assert_allclose(values, outputs[name], rtol=1e-4, atol=1e-5)


def test_grey_images_are_repeated_to_three_channels_inside():
    images = np.random.default_rng(0).random((2, 64, 64, 1)).astype("float32")
    config = NetworkConfig(encoder="efficientnet_lite0")
    grey, colour = (build_network(config, 64, 64, channels) for channels in (1, 3))
    expected = colour(np.repeat(images, 3, axis=-1))["feature_map_2"]
    np.testing.assert_allclose(grey(images)["feature_map_2"], expected, rtol=1e-4, atol=1e-4)
