"""A training that was cut off goes on as if it had not been; what cannot be read is passed over, aloud."""

import contextlib
import functools
import signal

import keras
import numpy as np
import pytest

from piade_tf import interrupts
from piade_tf.config import LossConfig, NetworkConfig, TrainingConfig
from piade_tf.errors import InputError
from piade_tf.training import resumption
from piade_tf.training.checkpoints import Checkpoints
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
    """A trainer that can train again as if it were new, so that it is traced once.

    What goes on with a checkpoint is always another one, which has nothing but the checkpoint.
    """

    def __init__(self, network, data, kind="classes", augment="none", **options):
        options = TrainingConfig(**{"epochs": 5, "batch_size": 20, "learning_rate": 1e-2, "rotation": 0.3} | options)
        pretrained = network.encoder not in ("scratch", "auto")
        self.data, self.augment = data, augment
        self.schedule = Schedule.of(options, data.train.count, kind, pretrained)
        make_reproducible(0)
        network = network.for_image(*data.image_shape[:2])
        self.trainer = build_trainer(network, LossConfig(), options, self.schedule, data)
        self.variables = [*self.trainer.variables, *self.trainer.optimizer.variables]
        self.beginning = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self.variables]

    def __call__(self, folder=None, cut=None):
        """History, and the weights of the network, after a training that goes on with what is in `folder`."""
        for variable, value in zip(self.variables, self.beginning, strict=True):
            variable.assign(value)
        checkpoints = Checkpoints(folder) if folder else None
        saved = Saved.newest(checkpoints) if checkpoints else None
        callbacks = [] if cut is None else [CutOffIn(cut)]
        history = fit(self.trainer, self.schedule, self.data, 0, self.augment, callbacks, checkpoints, saved)
        return history, self.trainer.network.get_weights()

    def cut_off(self, folder, cut):
        with pytest.raises(CutOff):
            self(folder, cut)


def assert_same(found, expected):
    assert found[0] == expected[0]
    for weight, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.fixture(scope="module")
def new(tiny, splits):
    """Makes the training that `first` is, anew."""
    return functools.partial(Training, tiny, splits, augment="aligned")


@pytest.fixture(scope="module")
def first(new):
    return new()


@pytest.fixture(scope="module")
def whole(first):
    return first()


def test_cut_off_twice_it_has_the_history_and_the_weights_of_one_that_was_not(new, first, whole, tmp_path):
    first.cut_off(tmp_path, 2)
    first.cut_off(tmp_path, 3)
    assert_same(new()(tmp_path), whole)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("epoch-000004.npz", "epoch-000004.sha256", "epoch-000005.npz", "epoch-000005.sha256")
    }


def test_after_its_last_epoch_nothing_is_trained_again(new, first, whole, tmp_path):
    first(tmp_path)
    assert_same(new()(tmp_path, cut=5), whole)


def test_early_stopping_goes_on_counting(tiny, splits, tmp_path):
    new = functools.partial(Training, tiny, splits, epochs=60, learning_rate=3.0, patience=2)
    first = new()
    expected = first()
    epochs = len(expected[0]["loss"])
    assert epochs < 60
    first.cut_off(tmp_path, epochs - 1)
    assert_same(new()(tmp_path), expected)
    assert_same(new()(tmp_path, cut=epochs), expected)


def test_a_scaled_loss_and_gradients_that_wait_for_their_step_are_gone_on_with(tiny, splits, tmp_path):
    """Of 4 batches, so that an epoch ends within a step; the scale of the loss is in the optimizer's state."""
    new = functools.partial(Training, tiny, splits, precision="float16", accumulate=3, epochs=4, batch_size=10)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir(), cut.mkdir()
    first = new()
    expected = first(whole)
    first.cut_off(cut, 2)
    assert_same(new()(cut), expected)
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
    new = functools.partial(Training, network, photographs, "parts", epochs=3, batch_size=4, learning_rate=1e-3)
    first = new()
    expected = first()
    first.cut_off(tmp_path, 2)
    assert_same(new()(tmp_path), expected)


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


def test_a_signal_ends_it_after_the_step_with_what_the_last_epoch_left(new, first, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(resumption, "LEAST_APART", 1000.0)  # nothing is written but at the signal

    class Asks(CutOffIn):
        def on_train_batch_end(self, batch, logs=None):
            if self.now == self.epoch:
                monkeypatch.setitem(interrupts._state, "asked", int(signal.SIGTERM))

    with monkeypatch.context() as patched:
        patched.setattr(f"{__name__}.CutOffIn", Asks)
        with pytest.raises(interrupts.Stopped), contextlib.suppress(CutOff):
            first(tmp_path, 3)
    monkeypatch.setitem(interrupts._state, "asked", 0)
    assert (tmp_path / "epoch-000003.npz").exists()
    assert_same(new()(tmp_path), whole)
