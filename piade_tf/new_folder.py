"""New folders that are called after what is in them and the time, however many are made in one second."""

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from piade_tf.files import name_within


def make_new_folder(parent: Path, label: Sequence[str]) -> Path:
    """Makes a folder, and `parent` where it is missing: label and time, and a number where that name is taken.

    Args:
        parent: where.
        label: words. What does not belong into a name becomes `_`, and what is too long is cut off.

    Returns:
        Its path.

    Raises:
        OSError: it cannot be made.
    """
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    words = "-".join(re.sub(r"[^\w.-]+", "_", word) for word in label)
    parent.mkdir(parents=True, exist_ok=True)
    ending, number = f"-{time}", 1
    while True:
        path = parent / name_within(words, ending)
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1
            ending = f"-{time}-{number}"
