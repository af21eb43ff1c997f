"""Training: what is logged, when it stops, which weights are kept, and that a seed fixes it."""

import dataclasses
import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import Config, LossConfig, NetworkConfig, TrainingConfig
from piade_tf.data import DataSplits, Split, batches
from piade_tf.data.splits import all_normal
from piade_tf.errors import InputError
from piade_tf.model.losses import ReconstructionLoss
from piade_tf.training.schedule import LEAST_EPOCHS, STEPS, Schedule
from piade_tf.training.trainer import StopWhenDiverged, Trainer, build_trainer, fit, make_reproducible


def configured(network, **options):
    defaults = {"epochs": 2, "batch_size": 20, "learning_rate": 1e-3, "seed": 0}
    training = TrainingConfig(**{**defaults, **options})
    return Config(network=network, training=training)


def run(config, data):
    make_reproducible(config.training.seed)
    trainer, schedule = build(config, data)
    return trainer, fit(trainer, schedule, data, config.training.seed)


def build(config, data):
    schedule = Schedule.of(config.training, data.train.count, "classes", pretrained=False)
    return build_trainer(config.network, config.loss, config.training, schedule, data), schedule


@pytest.fixture(scope="module")
def trained(tiny, splits):
    return run(configured(tiny), splits)


def test_the_same_seed_gives_the_same_history_and_the_same_weights(tiny, splits, trained):
    trainer, history = run(configured(tiny), splits)
    assert history == trained[1]
    for weight, expected in zip(trainer.network.get_weights(), trained[0].network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_another_seed_gives_another_history(tiny, splits, trained):
    assert run(configured(tiny, seed=1, epochs=1), splits)[1]["loss"][0] != trained[1]["loss"][0]


def test_every_term_is_logged_by_its_name_and_the_loss_is_their_weighted_sum(trained):
    trainer, history = trained
    weights = {"mse": 1.0, "one_minus_ssim": 0.5}
    assert set(history) == {"loss", "val_loss", *weights, *(f"val_{name}" for name in weights)}
    assert {len(values) for values in history.values()} == {2}
    for prefix in ("", "val_"):
        total = sum(weight * np.array(history[prefix + name]) for name, weight in weights.items())
        np.testing.assert_allclose(history[prefix + "loss"], total, rtol=1e-5)


def test_a_term_without_weight_is_not_logged(tiny, splits):
    config = dataclasses.replace(configured(tiny), loss=LossConfig(mse=1.0, ssim=0.0))
    assert list(build(config, splits)[0].term_means) == ["mse"]


def test_the_logged_validation_loss_is_that_of_the_network(splits, trained):
    trainer, history = trained
    images, outputs = np.concatenate(list(batches(splits.validation, 20))), _outputs(trainer, splits)
    losses = trainer.reconstruction_loss.call(images, outputs["reconstruction"])
    np.testing.assert_allclose(np.mean(losses), min(history["val_loss"]), rtol=1e-4)


def _outputs(trainer, splits):
    return trainer.network(np.concatenate(list(batches(splits.validation, 20))), training=False)


def test_training_stops_early_and_restores_the_best_weights(tiny, splits):
    trainer, history = run(configured(tiny, epochs=60, patience=2, learning_rate=0.1), splits)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 3 < 60
    restored = trainer.evaluate(batches(splits.validation, 20), verbose=0, return_dict=True)
    np.testing.assert_allclose(restored["loss"], history["val_loss"][best], rtol=1e-4)


def test_a_loss_that_is_not_finite_stops_and_puts_the_good_weights_back(tiny, splits):
    config = configured(tiny, epochs=3, learning_rate=1e30)
    make_reproducible(0)
    trainer, schedule = build(config, splits)
    before = trainer.network.get_weights()
    with pytest.raises(
        InputError, match="NaN or infinite in epoch 1; .* lower --learning-rate .it was 1e.30"
    ) as excinfo:
        fit(trainer, schedule, splits, 0)
    assert "\n" not in str(excinfo.value)
    for weight, expected in zip(trainer.network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.fixture
def watched():
    """The callback that watches for divergence, on a network whose weights are one number."""
    network = SimpleNamespace(weights=0)
    network.get_weights = lambda: network.weights
    network.set_weights = lambda weights: setattr(network, "weights", weights)
    callback = StopWhenDiverged()
    callback.set_model(SimpleNamespace(network=network, stop_training=False))
    callback.on_train_begin()
    return callback, network


def epoch(watched, number, loss, val_loss):
    callback, network = watched
    network.weights = number + 1
    callback.on_train_batch_end(0, {"loss": loss})
    callback.on_epoch_end(number, {"loss": loss, "val_loss": val_loss})


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["loss", "val_loss"])
def test_the_best_weights_before_the_divergence_are_put_back(watched, bad, where):
    callback, network = watched
    for number, val_loss in enumerate([0.5, 0.3, 0.4]):
        epoch(watched, number, 1.0, val_loss)
    assert not callback.model.stop_training
    epoch(watched, 3, **{"loss": 0.1, "val_loss": 0.1, where: bad})
    assert callback.model.stop_training and callback.diverged_in == 4
    callback.on_train_end()
    assert network.weights == 2


def test_weights_are_left_alone_while_all_is_well(watched):
    callback, network = watched
    epoch(watched, 0, 1.0, 0.5)
    epoch(watched, 1, 1.0, 0.9)
    callback.on_train_end()
    assert network.weights == 2 and callback.diverged_in is None


@pytest.mark.parametrize("images", [1, 84, 500, 4800])
@pytest.mark.parametrize("batch_size", [16, 64])
def test_left_out_epochs_make_about_the_stated_number_of_steps(images, batch_size):
    options = TrainingConfig(batch_size=batch_size)
    epochs = Schedule.of(options, images, "classes", pretrained=False).epochs
    steps = math.ceil(images / batch_size)
    assert epochs >= LEAST_EPOCHS
    assert epochs * steps >= STEPS
    assert epochs == LEAST_EPOCHS or (epochs - 1) * steps < STEPS


@pytest.mark.parametrize("options", [{}, {"batch_size": 16}, {"accumulate": 4}])
def test_behind_a_frozen_encoder_left_out_epochs_show_as_many_images_whatever_the_batch(options):
    epochs = [
        Schedule.of(TrainingConfig(**options), images, "parts", True).epochs for images in (5, 19, 167, 239, 5400)
    ]
    assert epochs == [150, 127, 15, 11, LEAST_EPOCHS]


@pytest.mark.parametrize(
    "kind, images, pretrained, schedule",
    [
        ("classes", 5400, False, (64, 2e-3, 0.1, 0.375)),
        ("classes", 2000, False, (64, 2e-3, 0.1, 0.375)),
        ("classes", 1999, False, (32, 1e-3, 0.1, 0.0)),
        ("parts", 5400, False, (64, 2e-3, 0.1, 0.0)),
        ("parts", 170, False, (32, 1e-3, 0.1, 0.0)),
        ("parts", 999, True, (4, 5e-3, 0.0, 0.0)),
        ("parts", 1000, True, (16, 5e-3, 0.0, 0.0)),
        ("classes", 5400, True, (16, 5e-3, 0.0, 0.0)),
    ],
)
def test_what_is_left_out_is_filled_in_by_the_data(kind, images, pretrained, schedule):
    found = Schedule.of(TrainingConfig(), images, kind, pretrained)
    assert (found.batch_size, found.learning_rate, found.noise, found.rotation) == schedule


def test_what_is_given_is_taken():
    given = {"epochs": 3, "batch_size": 20, "learning_rate": 1e-3, "patience": 1, "noise": 0.2, "rotation": 0.1}
    assert dataclasses.asdict(Schedule.of(TrainingConfig(**given), 10_000, "classes", True)) == given


def test_behind_a_frozen_encoder_cached_features_train_as_images_do(photographs):
    options = TrainingConfig(epochs=2, batch_size=4, noise=0.0)
    schedule = Schedule.of(options, photographs.train.count, "parts", pretrained=True)
    network = NetworkConfig(encoder="efficientnet_lite0", encoder_weights="random").for_image(64, 64)

    def losses(cached):
        make_reproducible(0)
        trainer = build_trainer(network, LossConfig(), options, schedule, photographs)
        frozen = trainer.network.get_layer("efficientnet_lite0").get_weights()
        with pytest.MonkeyPatch.context() as patch:
            if not cached:
                patch.setattr("piade_tf.training.trainer.with_features", lambda *_: None)
            history = fit(trainer, schedule, photographs, 0)
        for before, after in zip(frozen, trainer.network.get_layer("efficientnet_lite0").get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
        return history["loss"]

    np.testing.assert_allclose(losses(cached=True), losses(cached=False), rtol=1e-3)


@pytest.mark.parametrize("asked, seen_changed", [({}, False), ({"noise": 0.1}, True), ({"rotation": 0.5}, True)])
def test_behind_a_frozen_encoder_images_are_changed_where_that_is_asked_for(
    photographs, monkeypatch, asked, seen_changed
):
    options = TrainingConfig(epochs=1, batch_size=4, **asked)
    schedule = Schedule.of(options, photographs.train.count, "parts", pretrained=True)
    network = NetworkConfig(encoder="efficientnet_lite0", encoder_weights="random").for_image(64, 64)
    trainer = build_trainer(network, LossConfig(), options, schedule, photographs)
    seen = []
    monkeypatch.setattr(trainer, "rotation", lambda images, training: seen.append(training) or images)
    fit(trainer, schedule, photographs, 0)
    assert (True in seen) == seen_changed


def test_noise_is_seen_in_training_only_and_is_not_to_be_rebuilt():
    image = keras.Input((28, 28, 1))
    identity = keras.Model(image, {"reconstruction": keras.layers.Identity()(image)})
    trainer = Trainer(identity, ReconstructionLoss(1.0, 0.0, 7), noise=0.2, seed=1)
    trainer.compile()
    images = np.full((64, 28, 28, 1), 0.5, "float32")
    np.testing.assert_array_equal(trainer(images, training=False)["reconstruction"], images)
    seen = np.asarray(trainer(images, training=True)["reconstruction"])
    assert abs(seen.mean() - 0.5) < 0.01 and abs(seen.std() - 0.2) < 0.01
    assert not np.array_equal(trainer(images, training=True)["reconstruction"], seen)
    # A network that copies what it sees is charged the noise: the variance, 0.04.
    loss = trainer.compute_loss(x=images, y_pred=trainer(images, training=True))
    assert float(loss) == pytest.approx(0.04, rel=0.05)


def test_a_step_normalises_maps_in_one_operation(tiny, splits):
    network = build(configured(tiny), splits)[0].network
    step = tf.function(
        lambda images: network(images, training=True), input_signature=[tf.TensorSpec(network.input.shape)]
    )
    kinds = [operation.type for operation in step.get_concrete_function().graph.get_operations()]
    maps = [layer for layer in network.layers if layer.name.endswith("_bn") and len(layer.output.shape) == 4]
    assert len(maps) > 2 and kinds.count("FusedBatchNormV3") >= len(maps)


def test_behind_a_frozen_encoder_a_part_is_learned_in_few_steps():
    """Good parts hardly differ, and so do their vectors: normalised over a batch, these are noise."""
    height, width = np.mgrid[:64, :64]
    part = np.where((height - 32) ** 2 + (width - 30) ** 2 < 20**2, 60, 220)[..., None] + np.array([0, 10, 20])
    noise = np.random.default_rng(0).integers(-5, 6, (40, 64, 64, 3))
    pixels = (part + noise).astype("uint8")

    def split(chosen):
        return Split(tf.data.Dataset.from_tensor_slices(chosen), len(chosen))

    train, held_out = split(pixels[:32]), split(pixels[32:])
    test = all_normal(held_out, "good")
    data = DataSplits(train, held_out, held_out, test, "good", (64, 64, 3), "", "parts")
    make_reproducible(0)
    options = TrainingConfig(seed=0)
    schedule = Schedule.of(options, train.count, "parts", pretrained=True)
    trainer = build_trainer(NetworkConfig(encoder="efficientnet_lite0"), LossConfig(), options, schedule, data)
    last, started_at = trainer.network.get_layer("decoder_last_conv"), []
    look = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: started_at.append(np.asarray(last.bias)))
    history = fit(trainer, schedule, data, 0, callbacks=[look])
    median = np.median(pixels / 255, (0, 1, 2))
    np.testing.assert_allclose(1 / (1 + np.exp(-started_at[0])), median, atol=2 / 255)
    assert min(history["val_mse"]) < 0.05 * np.mean((pixels / 255 - median) ** 2)
