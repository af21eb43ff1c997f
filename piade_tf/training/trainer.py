"""Training: `model.fit` on normal images."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from piade_tf.config import AugmentName, LossConfig, NetworkConfig, TrainingConfig
from piade_tf.data import DataSplits, batches
from piade_tf.model.losses import ReconstructionLoss
from piade_tf.model.network import build_network, decoder_part, is_pretrained
from piade_tf.training.checkpoints import Checkpoints
from piade_tf.training.distribution import strategy_scope
from piade_tf.training.divergence import Diverged, StopWhenDiverged
from piade_tf.training.feature_cache import FEATURES, IMAGE, with_features
from piade_tf.training.optimizer import optimizer_for
from piade_tf.training.precision import layers_in
from piade_tf.training.progress_bar import Progress
from piade_tf.training.random_rotation import RandomRotation
from piade_tf.training.resumption import Resumption, Saved, skip_epochs
from piade_tf.training.schedule import Schedule

STEPS_PER_EXECUTION = 10  # without a return to Python


class Trainer(keras.Model):
    """The network with its loss, for `fit` and `evaluate` on batches of images in [0, 1].

    Behind a frozen encoder a batch may also be a dict of `image` and `features`, what the encoder makes of the images:
    then only what follows is run. Logs the total as `loss` and every term by its name. The network itself stays a plain
    functional model, saved without this class.

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

    def build(self, input_shape=None):
        self.built = True  # the network is; said, since Keras warns of a model that it thinks is not

    def call(self, inputs, training=None):
        if isinstance(inputs, dict):
            assert self.decoder_part is not None
            return self.decoder_part(inputs[FEATURES], training=training)
        seen = self.noise(self.rotation(inputs, training=training), training=training)
        return self.network(seen, training=training)

    def compute_loss(self, x: Any = None, y=None, y_pred: Any = None, sample_weight=None, training=True):
        images = x[IMAGE] if isinstance(x, dict) else x
        terms = self.reconstruction_loss.terms(images, y_pred["reconstruction"])
        for name, values in terms.items():
            self.term_means[name].update_state(values)
        return self.mean_over_batch(images, self.reconstruction_loss.total(terms))


class _MeanOverBatch(keras.losses.Loss):
    """The mean of values computed elsewhere, scaled for the distribution strategy as Keras scales losses."""

    def call(self, y_true, y_pred):
        return y_pred


def build_trainer(
    network_options: NetworkConfig,
    loss_options: LossConfig,
    options: TrainingConfig,
    schedule: Schedule,
    data: DataSplits,
) -> Trainer:
    """The network and its loss, compiled, in the scope of the distribution strategy.

    Args:
        network_options, loss_options, options: of the network, of its loss and of the training.
        schedule: of the training.
        data: the splits; the number and the shape of the images count.

    Raises:
        InputError: the network or the loss refuses the images.
    """
    height, width, channels = data.image_shape
    steps = schedule.epochs * math.ceil(data.train.count / schedule.batch_size)
    with strategy_scope(options.strategy):
        loss = ReconstructionLoss.from_options(loss_options)
        loss.check_image(height, width)
        with layers_in(options.precision):
            network = build_network(network_options, height, width, channels, data.kind)
        trainer = Trainer(network, loss, options.noise, schedule.rotation, options.seed)
        optimizer = optimizer_for(options, schedule.learning_rate, steps)
        # Under a strategy several steps an execution fail (a while loop around replicas, Keras 3.15).
        together = 1 if tf.distribute.has_strategy() else STEPS_PER_EXECUTION
        trainer.compile(optimizer=optimizer, jit_compile=options.jit == "on", steps_per_execution=together)
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
) -> dict[str, list[float]]:
    """Trains on the training split; stops early on the validation split and keeps the best weights.

    Args:
        trainer: compiled, as `build_trainer` gives it; its network is trained in place.
        schedule: epochs, batch size, patience.
        data: the splits.
        seed: of the order of the images.
        augment: how training images are changed at random. Otherwise a frozen encoder's features are computed once.
        callbacks: to be called besides those that training needs, after them.
        checkpoints: to be written as it goes; None: none are.
        saved: where to go on, in a trainer that is built alike; None: at the start.

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
    progress = Progress(schedule.epochs, math.ceil(data.train.count / schedule.batch_size), done)
    resumption = Resumption(checkpoints, saved, early_stopping, diverged) if checkpoints else None
    train = batches(data.train, schedule.batch_size, seed, augment)
    validation = batches(data.validation, schedule.batch_size)
    if is_pretrained(trainer.network):
        if augment == "none":
            train = with_features(trainer.network, data.train, schedule.batch_size, seed) or train
        validation = with_features(trainer.network, data.validation, schedule.batch_size) or validation
    skip_epochs(train, done)
    try:
        history = trainer.fit(
            train,
            validation_data=validation,
            initial_epoch=schedule.epochs if saved and saved.stopped else done,
            epochs=schedule.epochs,
            shuffle=False,  # tf.data does
            verbose=0,
            callbacks=[
                early_stopping,
                diverged,  # after EarlyStopping, whose own best weights may be those of a NaN first epoch
                progress,
                *callbacks,
                *([resumption] if resumption else []),
            ],
        )
    except BaseException:
        progress.close()
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


def make_reproducible(seed: int, deterministic: bool = True) -> None:
    """Seeds Python, NumPy and the backend, and has TensorFlow compute in a fixed order if `deterministic`."""
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
