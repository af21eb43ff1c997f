"""Trains on two logical CPU devices and on one, and writes both histories to the FILE given."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from conftest import TINY, make_images

from piade_tf.config import LossConfig, TrainingConfig
from piade_tf.data import DataSplits, Split, batches
from piade_tf.training import trainer as training
from piade_tf.training.schedule import Schedule

DEVICES, BATCH = 2, 8
NETWORK = dataclasses.replace(TINY, squeeze_excitation=False, magnifications=(1,), upsampling=())
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES)

# Each half of a batch holds the same images, and the order is kept: the statistics of a replica's
# batch normalisation are then those of the whole batch, and both trainings compute the same.
training.batches = lambda split, batch_size, *_: batches(split, batch_size)
halves = np.split(make_images(12, 0), 3)
train, validation = (
    Split(tf.data.Dataset.from_tensor_slices(images), len(images))
    for images in (np.concatenate([np.tile(half, (2, 1, 1, 1)) for half in halves]), make_images(8, 1))
)
data = DataSplits(train, validation, validation, None, "", (28, 28, 1), "")
report = {}
for name, strategy, noise in (("none", "none", 0.0), ("mirrored", "mirrored", 0.0), ("noisy", "mirrored", 0.1)):
    options = TrainingConfig(3, BATCH, learning_rate=1e-3, strategy=strategy, noise=noise, seed=0)
    schedule = Schedule.of(options, train.count, "classes", pretrained=False)
    training.make_reproducible(0)
    trainer = training.build_trainer(NETWORK, LossConfig(), options, schedule, data)
    report[name] = {
        "replicas": trainer.distribute_strategy.num_replicas_in_sync if trainer.distribute_strategy else 1,
        "history": training.fit(trainer, schedule, data, 0),
    }
Path(sys.argv[1]).write_text(json.dumps(report))
