"""Run directories, told from folders of photographs: a training that starts among them makes its runs there."""

import os
from pathlib import Path

from piade_tf.unfinished import BEGUN, FOLDER

MARKS = ("config.json", "map_threshold.json")  # that every finished run has, and nothing else has both


def is_run(folder: str) -> bool:
    """Whether a folder is a run, finished or not. What cannot be looked at is none."""
    return _has(folder, os.path.join(FOLDER, BEGUN)) or all(_has(folder, name) for name in MARKS)


def run_around(path: Path, start: Path) -> Path | None:
    """The run that a file or a folder is or lies in, looked for below `start`, where somebody asked to begin."""
    below = [path, *path.parents]
    return next((folder for folder in below[: below.index(start)] if is_run(str(folder))), None)


def _has(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name))
