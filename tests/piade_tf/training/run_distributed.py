"""Trains the same network on several devices, of two also on one, and writes the histories to the FILE given.

python run_distributed.py FILE DEVICES     logical CPU devices of this process
python run_distributed.py FILE             the workers that TF_CONFIG names
"""

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf
from conftest import TINY, make_images

from piade_tf.config import LossConfig, TrainingConfig
from piade_tf.data import DataSplits, Split, batches
from piade_tf.training import trainer as training
from piade_tf.training.distribution import ONE_DEVICE, distribution_for
from piade_tf.training.schedule import Schedule

file, devices = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
if devices:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
distribution = distribution_for("mirrored" if devices else "auto")
devices = distribution.strategy.num_replicas_in_sync

EACH, STEPS = 4, 3  # images for each device in a step
NETWORK = dataclasses.replace(TINY, squeeze_excitation=False, magnifications=(1,), upsampling=())

# Every part of a batch holds the same images, and the order is kept: the statistics of a device's batch normalisation
# are then those of the whole batch, and all trainings compute the same, on however many devices.
training.batches = lambda split, batch_size, _seed, augment, share=None: batches(
    split, batch_size, None, augment, share
)
parts = np.split(make_images(EACH * STEPS, 0), STEPS)
train, validation = (
    Split(tf.data.Dataset.from_tensor_slices(images), len(images))
    for images in (np.concatenate([np.tile(part, (devices, 1, 1, 1)) for part in parts]), make_images(9, 1))
)
data = DataSplits(train, validation, validation, None, "", (28, 28, 1), "")
report = {"devices": devices}
trainings = [("several", distribution, 0.0)]
if len(sys.argv) > 2 and devices == 2:
    trainings += [("one", ONE_DEVICE, 0.0), ("noisy", distribution, 0.1)]
else:  # TensorFlow makes the same graph faster, which takes longer than to run it as it is
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
for name, spread, noise in trainings:
    options = TrainingConfig(3, EACH * devices, learning_rate=1e-3, noise=noise, seed=0)
    schedule = Schedule.of(options, train.count, "classes", pretrained=False)
    training.make_reproducible(0)
    trainer = training.build_trainer(NETWORK, LossConfig(), options, schedule, data, spread)
    report[name] = training.fit(trainer, schedule, data, 0, distribution=spread)

# Moving averages that differ from device to device: 1, 10, 100.
with distribution.strategy.scope():
    normalisation = keras.layers.BatchNormalization()
    network = keras.Sequential([keras.Input((1,)), normalisation])


@tf.function
def differ():
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    normalisation.moving_mean.value.assign([10.0 ** tf.cast(replica, tf.float32)])


distribution.strategy.run(differ)
callback = training.AverageOfDevices(distribution)
callback.set_model(SimpleNamespace(network=network))
callback.on_test_begin()
report["averages"] = [float(own[0]) for own in distribution.of_devices(normalisation.moving_mean.value)]

workers = distribution.workers
values = np.random.default_rng(workers.index).normal(size=(4, 3))
report["sum"] = workers.added_up(values).tolist()
told = workers.all_told(
    {"a/b": values[: workers.index], "flags": np.array([workers.index == 0])} if workers.index else {}
)
report["told"] = [{name: [array.dtype.name, array.shape] for name, array in one.items()} for one in told]
report["nothing"] = workers.added_up(np.zeros((0, 3))).shape
workers.wait()
file.write_text(json.dumps(report))
