"""Temporary folders that go with their process, and those of a killed one with the next that makes one."""

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from piade_tf.interrupts import at_the_end

PREFIX = "piade-tmp-"
_locks: dict[Path, FileLock] = {}  # the operating system gives them back when the process ends, however it ends


def make_temporary_folder() -> Path:
    """A new folder in the system's temporary one, which `remove_temporary_folder` removes, or the end of the process
    by a signal; and removes those of processes that are no more."""
    place = Path(tempfile.gettempdir())
    for lock_file in place.glob(f"{PREFIX}*.lock"):
        _remove_if_left(lock_file)
    folder = place / f"{PREFIX}{secrets.token_hex(8)}"
    lock = FileLock(f"{folder}.lock", timeout=0)
    lock.acquire()
    folder.mkdir(mode=0o700)
    if not _locks:
        at_the_end(_remove_all)
    _locks[folder] = lock
    return folder


def remove_temporary_folder(folder: Path) -> None:
    """Removes what `make_temporary_folder` made."""
    shutil.rmtree(folder, ignore_errors=True)
    if lock := _locks.pop(folder, None):
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the `with` block."""
    folder = make_temporary_folder()
    try:
        yield folder
    finally:
        remove_temporary_folder(folder)


def _remove_all() -> None:
    for folder in list(_locks):
        remove_temporary_folder(folder)


def _remove_if_left(lock_file: Path) -> None:
    lock = FileLock(str(lock_file), timeout=0)
    with contextlib.suppress(Timeout, OSError):  # in use, or another user's
        lock.acquire()
        shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
        lock_file.unlink(missing_ok=True)
        lock.release()
