"""Training: `model.fit` on normal images."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from piade_tf.config import AugmentName, LossConfig, NetworkConfig, TrainingConfig
from piade_tf.data import DataSplits, Split, batches
from piade_tf.data.shares import IMAGE, WEIGHT, Share
from piade_tf.model.losses import ReconstructionLoss
from piade_tf.model.network import build_network, decoder_part, is_pretrained
from piade_tf.training.average_of_devices import AverageOfDevices
from piade_tf.training.checkpoints import Checkpoints
from piade_tf.training.distribution import ONE_DEVICE, Distribution
from piade_tf.training.divergence import Diverged, StopWhenDiverged
from piade_tf.training.feature_cache import FEATURES, with_features
from piade_tf.training.fused_normalization import fuse_normalization
from piade_tf.training.optimizer import optimizer_for
from piade_tf.training.precision import layers_in
from piade_tf.training.progress_bar import Progress
from piade_tf.training.random_rotation import RandomRotation
from piade_tf.training.resumption import Resumption, Saved, skip_epochs
from piade_tf.training.schedule import Schedule
from piade_tf.training.typical_pixel import start_at_typical_pixel
from piade_tf.workers import Workers

STEPS_PER_EXECUTION = 10  # without a return to Python


class Trainer(keras.Model):
    """The network with its loss, for `fit` and `evaluate` on batches of images in [0, 1].

    A batch may also be a dict: of `image`; behind a frozen encoder with `features`, what the encoder makes of the
    images, so that only what follows is run; and with `weight`, 0 for what fills up the share of a device
    (`data.shares`). Logs the total as `loss` and every term by its name. The network itself stays a plain functional
    model, saved without this class.

    Args:
        network: as `build_network` gives it.
        reconstruction_loss: between the images and their reconstructions.
        noise: standard deviation of the normal noise on the images that the network sees in training, as in
            a denoising autoencoder (Vincent et al. 2008).
        rotation: share of the images that the network sees rotated in training.
        seed: of noise and rotation.
    """

    def __init__(
        self,
        network: keras.Model,
        reconstruction_loss: ReconstructionLoss,
        noise: float = 0.0,
        rotation: float = 0.0,
        seed: int = 0,
    ):
        super().__init__(name="trainer")
        self.network = network
        self.decoder_part = decoder_part(network) if is_pretrained(network) else None
        self.noise = keras.layers.GaussianNoise(noise, seed=seed)
        self.rotation = RandomRotation(rotation, seed=seed)
        self.reconstruction_loss = reconstruction_loss
        self.mean_over_batch = _MeanOverBatch(name="mean_over_batch")
        weights = reconstruction_loss.weights
        self.term_means = {name: keras.metrics.Mean(name=name) for name, weight in weights.items() if weight}
        self.loss_mean = keras.metrics.Mean(name="loss")

    def build(self, input_shape=None):
        self.built = True  # the network is; said, since Keras warns of a model that it thinks is not

    def call(self, inputs, training=None):
        if isinstance(inputs, dict) and FEATURES in inputs:
            assert self.decoder_part is not None
            return self.decoder_part(inputs[FEATURES], training=training)
        images = inputs[IMAGE] if isinstance(inputs, dict) else inputs
        seen = self.noise(self.rotation(images, training=training), training=training)
        return self.network(seen, training=training)

    @property
    def metrics(self):
        """Of all images, each with its weight, where those of Keras would count what fills a batch up."""
        return [self.loss_mean, *self.term_means.values()]

    def compute_loss(self, x: Any = None, y=None, y_pred: Any = None, sample_weight=None, training=True):
        images, weight = (x[IMAGE], x.get(WEIGHT)) if isinstance(x, dict) else (x, None)
        terms = self.reconstruction_loss.terms(images, y_pred["reconstruction"])
        total = self.reconstruction_loss.total(terms)
        for name, values in terms.items():
            self.term_means[name].update_state(values, weight)
        self.loss_mean.update_state(total, weight)
        if weight is None:
            return self.mean_over_batch(images, total)
        of_all = tf.distribute.get_replica_context().all_reduce("SUM", keras.ops.sum(weight))
        return keras.ops.sum(total * weight) / of_all  # gradients are added up over devices

    def train_step(self, data):
        return _as_rows(super().train_step(data))

    def test_step(self, data):
        return _as_rows(super().test_step(data))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: all is built. Keras 3.15 would fail on the batches of several workers (its issue 20585)."""


def _as_rows(logs: dict[str, Any]) -> dict[str, Any]:
    """The logs of a step in the shape, `(1,)`, in which Keras can average them over several workers."""
    if not isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        return logs
    return {name: keras.ops.reshape(value, (1,)) for name, value in logs.items()}


class _MeanOverBatch(keras.losses.Loss):
    """The mean of values computed elsewhere."""

    def call(self, y_true, y_pred):
        return y_pred


def build_trainer(
    network_options: NetworkConfig,
    loss_options: LossConfig,
    options: TrainingConfig,
    schedule: Schedule,
    data: DataSplits,
    distribution: Distribution = ONE_DEVICE,
) -> Trainer:
    """The network and its loss, compiled, in the scope of the distribution strategy.

    Args:
        network_options, loss_options, options: of the network, of its loss and of the training.
        schedule: of the training.
        data: the splits; the number and the shape of the images count.
        distribution: over devices and machines.

    Raises:
        InputError: the network or the loss refuses the images.
    """
    height, width, channels = data.image_shape
    steps = schedule.epochs * math.ceil(data.train.count / schedule.batch_size)
    with distribution.scope():
        loss = ReconstructionLoss.from_options(loss_options)
        loss.check_image(height, width)
        with layers_in(options.precision):
            network = build_network(network_options, height, width, channels, data.kind)
        fuse_normalization(network)
        trainer = Trainer(network, loss, schedule.noise, schedule.rotation, options.seed)
        optimizer = optimizer_for(options, schedule.learning_rate, steps)
        # Under a strategy several steps an execution fail (a while loop around replicas, Keras 3.15).
        together = 1 if distribution.strategy else STEPS_PER_EXECUTION
        trainer.compile(optimizer=optimizer, jit_compile=options.jit == "on", steps_per_execution=together)
        trainer.optimizer.build(trainer.trainable_variables)  # the step of several devices may make no variables
    return trainer


def fit(
    trainer: Trainer,
    schedule: Schedule,
    data: DataSplits,
    seed: int,
    augment: AugmentName = "none",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: Checkpoints | None = None,
    saved: Saved | None = None,
    distribution: Distribution = ONE_DEVICE,
) -> dict[str, list[float]]:
    """Trains on the training split; stops early on the validation split and keeps the best weights.

    Behind a frozen encoder the decoder starts at the median colour of the images.

    Args:
        trainer: compiled, as `build_trainer` gives it; its network is trained in place.
        schedule: epochs, batch size, patience.
        data: the splits.
        seed: of the order of the images.
        augment: how training images are changed at random. Where neither this nor the schedule changes them, a frozen
            encoder's features are computed once.
        callbacks: to be called besides those that training needs, after them.
        checkpoints: to be written as it goes; None: none are.
        saved: where to go on, in a trainer that is built alike; None: at the start.
        distribution: that the trainer was built for.

    Returns:
        The history: every logged value by name, one an epoch.

    Raises:
        Diverged: the loss became NaN or infinite. The network then has its best weights so far.
        InputError: a checkpoint cannot be written.
        Stopped: a signal asked for it, within `piade_tf.interrupts.finishing`.
    """
    early_stopping = keras.callbacks.EarlyStopping(patience=schedule.patience, restore_best_weights=True)
    diverged = StopWhenDiverged()
    done = saved.epochs if saved else 0
    steps = math.ceil(data.train.count / schedule.batch_size)
    progress = Progress(schedule.epochs, steps, done)
    resumption = Resumption(checkpoints, saved, early_stopping, diverged) if checkpoints else None
    train = distribution.shared(
        _batches(trainer.network, data.train, schedule, seed, augment, distribution.workers), steps
    )
    validation = distribution.shared(
        _batches(trainer.network, data.validation, schedule, None, "none", distribution.workers),
        math.ceil(data.validation.count / schedule.batch_size),
    )
    skip_epochs(train, done)
    if is_pretrained(trainer.network) and not done:
        start_at_typical_pixel(trainer.network, data.train)
    try:
        history = trainer.fit(
            train,
            validation_data=validation,
            initial_epoch=schedule.epochs if saved and saved.stopped else done,
            epochs=schedule.epochs,
            shuffle=False,  # tf.data does
            verbose=0,
            callbacks=[
                *([AverageOfDevices(distribution)] if distribution.strategy else []),
                early_stopping,
                diverged,  # after EarlyStopping, whose own best weights may be those of a NaN first epoch
                progress,
                *([resumption] if resumption else []),
                *callbacks,  # a log that cannot be written leaves the epoch's checkpoint
            ],
        )
    except BaseException as error:
        progress.close()
        if resumption and isinstance(error, tf.errors.OpError):  # a worker was lost, or the disk of the log is full
            resumption.write()
        raise
    if diverged.diverged_in:
        kept = "the best weights before it" if diverged.diverged_in > 1 else "the untrained weights"
        raise Diverged(
            f"the loss became NaN or infinite in epoch {diverged.diverged_in}; the run directory has {kept}; train "
            f"again with a lower --learning-rate (it was {schedule.learning_rate:g})"
        )
    before = saved.history if saved else {}
    names = before or history.history
    return {name: [*before.get(name, ()), *(float(value) for value in history.history.get(name, ()))] for name in names}


def _batches(
    network: keras.Model,
    split: Split,
    schedule: Schedule,
    seed: int | None,
    augment: AugmentName,
    workers: Workers,
) -> Callable[[Share | None], tf.data.Dataset]:
    """From a share to batches for training, or without a seed for validation, with features where they can be kept."""
    if is_pretrained(network) and augment == "none" and not schedule.changes_images:
        kept = with_features(network, split, schedule.batch_size, seed, workers)
        if kept is not None:
            return kept
    return functools.partial(batches, split, schedule.batch_size, seed, augment)


def make_reproducible(seed: int, deterministic: bool = True) -> None:
    """Seeds Python, NumPy and the backend, and has TensorFlow compute in a fixed order if `deterministic`."""
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
