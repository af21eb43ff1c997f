"""Run directories, told from folders of photographs: a training that starts among them makes its runs there."""

import os

from piade_tf.unfinished import BEGUN, FOLDER

MARKS = ("config.json", "map_threshold.json")  # that every finished run has, and nothing else has both


def is_run(folder: str) -> bool:
    """Whether a folder is a run, finished or not. What cannot be looked at is none."""
    return _has(folder, os.path.join(FOLDER, BEGUN)) or all(_has(folder, name) for name in MARKS)


def _has(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name))
