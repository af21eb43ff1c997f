"""A TensorBoard log brought back to an epoch, for a training that goes on from there."""

import shutil
from pathlib import Path

import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event

from piade_tf.files import replacing


def cut_log(folder: Path, epochs: int) -> None:
    """Takes what was logged after an epoch out of all event files below a folder, and records that are not whole.

    Args:
        folder: with the event files of a `TensorBoardLog`, none of them open.
        epochs: number of epochs done; 0: nothing stays.
    """
    if not epochs:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.rglob("*tfevents*"):
        with replacing(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in _whole_records(path):
                if Event.FromString(record).step <= epochs:
                    writer.write(record)


def _whole_records(path: Path):
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield record.numpy()
    except tf.errors.DataLossError:  # the last was being written when the process was killed
        return
