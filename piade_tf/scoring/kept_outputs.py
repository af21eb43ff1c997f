"""What the network made of images, kept on disk while statistics are fitted to it again and again."""

import contextlib
import tempfile
from collections.abc import Iterable
from typing import IO

import numpy as np

from piade_tf.errors import InputError


def kept_on_disk(batches: Iterable[dict[str, np.ndarray]], open_files: contextlib.ExitStack) -> dict[str, np.ndarray]:
    """Joins batches, in a temporary file for each name, which goes with its process.

    Args:
        batches: arrays by name, `(batch, ...)`, at least one batch.
        open_files: closes the files.

    Returns:
        By name, `(images, ...)`, read where it is looked at.

    Raises:
        InputError: they cannot be written.
    """
    files: dict[str, IO[bytes]] = {}
    rows, batch = 0, {}
    for batch in batches:
        rows += len(next(iter(batch.values())))
        try:
            for name, values in batch.items():
                if name not in files:
                    files[name] = open_files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (closed by the stack)
                files[name].write(values.tobytes())
                files[name].flush()
        except OSError as error:
            raise InputError(
                f"cannot keep what the folds need in {tempfile.gettempdir()} ({error.strerror or error}); make room "
                "there, name another folder in the environment variable TMPDIR, or choose --calibration split"
            ) from None
    return {
        name: np.memmap(file, batch[name].dtype, "r", shape=(rows, *batch[name].shape[1:]))
        for name, file in files.items()
    }
