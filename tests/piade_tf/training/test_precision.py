"""In whatever precision the layers train, sums are float32, and so is the network that is kept."""

import keras
import numpy as np
import pytest

from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import train
from piade_tf.config import LossConfig, NetworkConfig, TrainingConfig
from piade_tf.model.network import build_network
from piade_tf.run_directory import RunDirectory
from piade_tf.training.precision import in_float32, layers_in
from piade_tf.training.schedule import Schedule
from piade_tf.training.trainer import build_trainer, fit, make_reproducible

HALVES = ("bfloat16", "float16")
TOLERANCE = {"bfloat16": 0.02, "float16": 0.005}  # of a loss after an epoch, relative: both have run 0.1 times that
PRETRAINED = NetworkConfig(encoder="efficientnet_lite0", encoder_weights="random").for_image(64, 64)


def trained(network, data, precision, augment="none", kind="classes"):
    """The network that is kept, the one that was trained, and the history of one epoch."""
    options = TrainingConfig(epochs=1, batch_size=8, learning_rate=1e-3, precision=precision, rotation=0.3)
    schedule = Schedule.of(options, data.train.count, kind, network.encoder != "scratch")
    make_reproducible(0)
    trainer = build_trainer(network, LossConfig(), options, schedule, data)
    history = fit(trainer, schedule, data, 0, augment)
    return in_float32(trainer.network, network, data), trainer.network, history


def dtypes(network):
    """Of all layers within, what they compute in and what their weights are."""
    layers = network._flatten_layers()
    return {layer.compute_dtype for layer in layers}, {weight.dtype for weight in network.weights}


@pytest.fixture(scope="module")
def in_single(tiny, splits):
    return trained(tiny, splits, "float32")


@pytest.fixture(scope="module", params=HALVES)
def in_half(request, tiny, splits):
    return request.param, *trained(tiny, splits, request.param)


def test_an_epoch_in_half_precision_has_the_losses_of_one_in_float32(in_single, in_half):
    precision, _, network, history = in_half
    assert precision in dtypes(network)[0] and dtypes(network)[1] == {"float32"}
    for name, (value,) in in_single[2].items():
        assert history[name] == pytest.approx([value], rel=TOLERANCE[precision]), name
    assert history != in_single[2]


def test_the_network_that_is_kept_is_that_of_a_training_in_float32_with_the_trained_weights(in_single, in_half):
    _, kept, network, _ = in_half
    assert dtypes(kept) == ({"float32"}, {"float32"})
    assert kept.to_json() == in_single[0].to_json()
    for weight, expected in zip(kept.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    images = np.random.default_rng(0).random((4, 28, 28, 1), "float32")
    outputs, half = kept(images, training=False), network(images, training=False)
    for name, values in outputs.items():
        assert np.isfinite(values).all() and values.dtype == "float32"
        np.testing.assert_allclose(values, keras.ops.cast(half[name], "float32"), rtol=0.05, atol=0.05, err_msg=name)


# With cached features, and without.
@pytest.mark.parametrize("precision, augment", [("bfloat16", "none"), ("float16", "aligned")])
def test_a_frozen_encoder_computes_in_half_precision_too_and_is_kept_as_it_was(photographs, precision, augment):
    kept, network, history = trained(PRETRAINED, photographs, precision, augment, "parts")
    encoder = network.get_layer("efficientnet_lite0")
    assert encoder.output["stride_16"].dtype == precision
    assert np.isfinite(list(history.values())).all()
    assert dtypes(kept) == ({"float32"}, {"float32"})
    for weight, expected in zip(kept.get_layer(encoder.name).get_weights(), encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_network_in_float32_is_kept_itself(in_single):
    assert in_single[0] is in_single[1]


def test_the_policy_of_layers_made_later_is_as_before(tiny):
    with pytest.raises(ZeroDivisionError), layers_in("float16"):
        assert build_network(tiny, 28, 28, 1).get_layer("stem_conv").compute_dtype == "float16"
        raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "float32"


def test_a_run_has_a_network_in_float32_and_finite_scores(tmp_path):
    options = "--epochs 1 --batch-size 64 --network.widths 8 --network.stem-stride 4 --network.magnifications 1 2"
    options += " --network.capsule-dim 4 --network.vector-dim 8 --network.upsampling 8 --precision float16"
    words = [*options.split(), "--formats", "float32", "--runs-dir", str(tmp_path), "--name", "run"]
    assert train(parse_config(words)) == 0  # 3 if the exported file does not say what the run says
    run = RunDirectory(tmp_path / "run")
    assert dtypes(run.read_network()) == ({"float32"}, {"float32"})
    assert np.isfinite(run.read_scores()[1].pred_score).all()
    assert run.read_config()["options"]["training"]["precision"] == "float16"
    assert list((tmp_path / "run" / "logs").rglob("events*"))
