"""A training that was cut off goes on as if it had not been; what cannot be read is passed over, aloud."""

import contextlib
import dataclasses
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf import interrupts
from piade_tf.config import LossConfig, NetworkConfig, TrainingConfig
from piade_tf.errors import InputError
from piade_tf.training import resumption
from piade_tf.training.checkpoints import Checkpoints
from piade_tf.training.divergence import StopWhenDiverged
from piade_tf.training.resumption import Saved
from piade_tf.training.schedule import Schedule
from piade_tf.training.trainer import build_trainer, fit, make_reproducible


class CutOff(Exception):
    pass


class CutOffIn(keras.callbacks.Callback):
    """Ends as a kill would, in the middle of an epoch, counted from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch:
            raise CutOff


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(resumption, "LEAST_APART", 0.0)
    monkeypatch.setattr(resumption, "TIME_SHARE", float("inf"))


class Training:
    """A trainer that trains again and again as if it were new, so that it is traced once.

    What goes on with a checkpoint is another one than was cut off, and has nothing but the checkpoint.
    """

    def __init__(self, network, data, kind="classes", **options):
        options = TrainingConfig(**{"epochs": 5, "batch_size": 20, "learning_rate": 1e-2, "rotation": 0.3} | options)
        pretrained = network.encoder not in ("scratch", "auto")
        self.data, self.schedule = data, Schedule.of(options, data.train.count, kind, pretrained)
        make_reproducible(0)
        network = network.for_image(*data.image_shape[:2])
        self.trainer = build_trainer(network, LossConfig(), options, self.schedule, data)
        self.variables = [*self.trainer.variables, *self.trainer.optimizer.variables]
        self.beginning = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self.variables]

    def __call__(self, folder=None, cut=None, augment="none", **schedule):
        """History, and the weights of the network, after a training that goes on with what is in `folder`."""
        for variable, value in zip(self.variables, self.beginning, strict=True):
            variable.assign(value)
        checkpoints = Checkpoints(folder) if folder else None
        saved = Saved.newest(checkpoints) if checkpoints else None
        callbacks = [] if cut is None else [CutOffIn(cut)]
        schedule = dataclasses.replace(self.schedule, **schedule)
        history = fit(self.trainer, schedule, self.data, 0, augment, callbacks, checkpoints, saved)
        return history, self.trainer.network.get_weights()

    def cut_off(self, folder, cut, **options):
        with pytest.raises(CutOff):
            self(folder, cut, **options)


def assert_same(found, expected):
    assert found[0] == expected[0]
    for weight, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.fixture(scope="module")
def first(tiny, splits):
    """At a rate at which it does not get better for long."""
    return Training(tiny, splits, epochs=60, learning_rate=3.0)


@pytest.fixture(scope="module")
def second(tiny, splits):
    """The same, to go on with what the first leaves."""
    return Training(tiny, splits, epochs=60, learning_rate=3.0)


FIVE = {"epochs": 5, "patience": 5, "augment": "aligned"}


@pytest.fixture(scope="module")
def whole(first):
    return first(**FIVE)


def test_cut_off_twice_it_has_the_history_and_the_weights_of_one_that_was_not(first, second, whole, tmp_path):
    first.cut_off(tmp_path, 2, **FIVE)
    first.cut_off(tmp_path, 3, **FIVE)
    assert_same(second(tmp_path, **FIVE), whole)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("epoch-000004.npz", "epoch-000004.sha256", "epoch-000005.npz", "epoch-000005.sha256")
    }


def test_after_its_last_epoch_nothing_is_trained_again(first, second, whole, tmp_path):
    first(tmp_path, **FIVE)
    assert_same(second(tmp_path, cut=5, **FIVE), whole)


def test_early_stopping_goes_on_counting(first, second, tmp_path):
    expected = first(patience=2)
    epochs = len(expected[0]["loss"])
    assert 2 < epochs < 60
    first.cut_off(tmp_path, epochs - 1, patience=2)
    assert_same(second(tmp_path, patience=2), expected)
    assert_same(second(tmp_path, cut=epochs, patience=2), expected)


def test_a_scaled_loss_and_gradients_that_wait_for_their_step_are_gone_on_with(tiny, splits, tmp_path):
    """Of 4 batches, so that an epoch ends within a step; the scale of the loss is in the optimizer's state."""
    options = {"precision": "float16", "accumulate": 3, "epochs": 4, "batch_size": 10}
    first, second = (Training(tiny, splits, **options) for _ in range(2))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir(), cut.mkdir()
    expected = first(whole)
    first.cut_off(cut, 2)
    assert_same(second(cut), expected)
    states = [Saved.newest(Checkpoints(folder)).arrays for folder in (whole, cut)]
    assert states[0].keys() == states[1].keys()
    for name, values in states[0].items():
        np.testing.assert_array_equal(states[1][name], values, err_msg=name)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "without a checksum"])
def test_of_a_damaged_checkpoint_the_one_before_is_taken_and_that_is_said(tmp_path, capsys, damage):
    checkpoints = Checkpoints(tmp_path)
    for epoch in (1, 2):
        checkpoints.write(epoch, {"a": np.full(3, epoch)}, {"epochs": epoch})
    newest = tmp_path / "epoch-000002.npz"
    content = newest.read_bytes()
    if damage == "flipped":
        newest.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif damage == "truncated":
        newest.write_bytes(content[: len(content) // 2])
    else:
        newest.with_suffix(".sha256").unlink()
    arrays, about = checkpoints.newest()
    assert about == {"epochs": 1} and arrays["a"].tolist() == [1, 1, 1]
    assert f"warning: {newest} is damaged" in capsys.readouterr().out


def test_cached_features_of_a_frozen_encoder_come_again_in_the_same_order(photographs, tmp_path):
    network = NetworkConfig(encoder="efficientnet_lite0", encoder_weights="random")
    options = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-3}
    first, second = (Training(network, photographs, "parts", **options) for _ in range(2))
    expected = first()
    first.cut_off(tmp_path, 2)
    assert_same(second(tmp_path), expected)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(1, {"a": np.ones(3)}, {"epochs": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(InputError, match="No space left on device"):
            checkpoints.write(2, {"a": np.zeros(3)}, {"epochs": 2})
    arrays, about = checkpoints.newest()
    assert about == {"epochs": 1} and arrays["a"].tolist() == [1, 1, 1]
    assert {path.suffix for path in tmp_path.iterdir()} == {".npz", ".sha256"}


def test_a_signal_ends_it_after_the_step_with_what_the_last_epoch_left(first, second, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(resumption, "LEAST_APART", 1000.0)  # nothing is written but at the signal

    class Asks(CutOffIn):
        def on_train_batch_begin(self, batch, logs=None):
            if self.now == self.epoch:
                monkeypatch.setitem(interrupts._state, "asked", int(signal.SIGTERM))

    with monkeypatch.context() as patched:
        patched.setattr(f"{__name__}.CutOffIn", Asks)
        with pytest.raises(interrupts.Stopped), contextlib.suppress(CutOff):
            first(tmp_path, 3, **FIVE)
    monkeypatch.setitem(interrupts._state, "asked", 0)
    assert (tmp_path / "epoch-000003.npz").exists()
    assert_same(second(tmp_path, **FIVE), whole)


class LogThatFails(CutOffIn):
    """Logs the epochs, counted from 0, and finds the disk full in the one that is given."""

    def __init__(self, epoch):
        super().__init__(epoch)
        self.logged = []

    def on_train_batch_end(self, batch, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise tf.errors.ResourceExhaustedError(None, None, "logs/train; No space left on device")
        self.logged.append(epoch)


@pytest.mark.parametrize("apart", [0.0, 1000.0])
def test_a_log_that_cannot_be_written_does_not_take_the_checkpoint_of_its_epoch_along(
    first, second, whole, tmp_path, monkeypatch, apart
):
    monkeypatch.setattr(resumption, "LEAST_APART", apart)
    with monkeypatch.context() as patched:
        patched.setattr(f"{__name__}.CutOffIn", LogThatFails)
        with pytest.raises(tf.errors.ResourceExhaustedError):
            first(tmp_path, 3, **FIVE)
    assert (tmp_path / "epoch-000004.npz").exists()
    assert_same(second(tmp_path, **FIVE), whole)


def test_an_epoch_whose_checkpoint_is_written_is_logged_before_a_signal_ends_it(first, tmp_path, monkeypatch):
    log = LogThatFails(None)

    def ask(_self, _epoch, logs=None):
        monkeypatch.setitem(interrupts._state, "asked", int(signal.SIGTERM))

    with monkeypatch.context() as patched:
        patched.setattr(f"{__name__}.CutOffIn", lambda _: log)
        patched.setattr(StopWhenDiverged, "on_epoch_end", ask)
        with pytest.raises(interrupts.Stopped):
            first(tmp_path, 3, **FIVE)
    monkeypatch.setitem(interrupts._state, "asked", 0)
    assert log.logged == [0] and (tmp_path / "epoch-000001.npz").exists()
