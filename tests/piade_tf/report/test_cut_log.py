"""A TensorBoard log goes on at the epoch that the training goes on at."""

import tensorflow as tf
from event_files import Log

from piade_tf.report.cut_log import cut_log


def write(folder, steps):
    writer = tf.summary.create_file_writer(str(folder))
    for step in steps:
        with writer.as_default(step=step):
            tf.summary.scalar("loss", float(step))
    writer.close()


def steps(folder):
    return Log(folder).steps("loss")


def test_what_was_logged_later_goes_and_so_does_half_a_record(tmp_path):
    for folder in (tmp_path, tmp_path / "train"):
        write(folder, range(6))
    (file,) = (tmp_path / "train").iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    cut_log(tmp_path, 3)
    assert steps(tmp_path) == steps(tmp_path / "train") == [0, 1, 2, 3]
    cut_log(tmp_path, 0)
    assert not tmp_path.exists()
