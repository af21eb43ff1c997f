"""One process at a time changes a run."""

import contextlib
import datetime
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from piade_tf.errors import InputError
from piade_tf.file_set import finish, is_unfinished
from piade_tf.files import remove_leftovers

LOCK, HOLDER = ".lock", ".changing.json"
PATIENCE = 10.0  # seconds that a reader waits for files to be put in their places


@contextlib.contextmanager
def changing(run: Path, what: str) -> Iterator[None]:
    """Keeps others from changing a run meanwhile.

    The operating system gives the lock back when its process ends, however it ends. What a process that was killed had
    made ready is put in its place first, and said.

    Args:
        run: an existing run directory.
        what: the command, for whoever has to wait.

    Raises:
        InputError: another process is changing the run, or it cannot be written.
    """
    holder = run / HOLDER
    lock = FileLock(str(run / LOCK), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(f"{run} is being changed by {_told(holder)}; wait until it has ended") from None
    except OSError as error:
        raise InputError(f"cannot change {run} ({error.strerror or error}); mend its permissions") from None
    try:
        try:
            if holder.exists():
                print(f"note: {_told(holder)} ended while it was changing {run}; going on", flush=True)
            if finish(run):
                print(f"note: the change that it had made ready is now complete in {run}", flush=True)
            remove_leftovers(run)
            holder.write_text(json.dumps(_about(what)), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot change {run} ({error.strerror or error}); mend that and try again") from None
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def complete(run: Path) -> None:
    """Puts in place what a process that was killed had made ready, for those who only read.

    Raises:
        InputError: it cannot be done now.
    """
    if not is_unfinished(run):
        return
    try:
        with FileLock(str(run / LOCK), timeout=PATIENCE):
            finish(run)
    except (Timeout, OSError):
        raise InputError(
            f"{run} is half-way through a change, which was cut short or is still going on; try again, as a user who "
            "may write there"
        ) from None


def _about(what: str) -> dict[str, str]:
    now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return {"what": what, "process": str(os.getpid()), "host": socket.gethostname(), "since": now}


def _told(holder: Path) -> str:
    try:
        about = json.loads(holder.read_text(encoding="utf-8"))
        return f"{about['what']} (process {about['process']} on {about['host']}, since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError):  # it has just begun, or has just ended
        return "another process"
