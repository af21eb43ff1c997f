"""Opening what may be anything: a photograph, a folder, a named pipe that nobody writes to."""

import os
from pathlib import Path
from typing import BinaryIO


def open_at_once(path: str | bytes | Path) -> BinaryIO:
    """A file to read bytes from. Opening a named pipe would otherwise wait for ever.

    Raises:
        OSError: it cannot be opened; also for a folder.
    """
    return open(path, "rb", opener=_without_waiting)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
