"""Where output goes: regular files appear whole or not at all, through links; devices and pipes are written to.

Whether something can be written is checked before the work starts, since hours may lie between.
"""

import contextlib
import csv
import errno
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from piade_tf.errors import InputError

LEFTOVER = re.compile(r"\.\d+-[0-9a-f]{8}(\.\w+)?")  # as `replacing` names what is not whole yet
IN_USE = 600.0  # seconds for which nobody may have written to one that is left: writing takes less
LONGEST_NAME = 255  # bytes, on nearly every file system
TRIES = 5  # to open a file that another process may just be giving its name
DESCRIPTOR = re.compile(r"/dev/(?:fd/(\d+)|std(out|err))|/proc/self/fd/(\d+)")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name to write to; on success its content goes to `path`, on failure it is removed.

    A regular file is replaced, that at the end of a link where `path` is one. A device or a pipe gets the content.

    Raises:
        InputError: it cannot be written.
    """
    with _in_one_line(path, "what was there before stays"):
        target, is_regular = _end_of(path)
        folder = target.parent if is_regular else Path(tempfile.gettempdir())
        temporary = folder / f".{os.getpid()}-{secrets.token_hex(4)}{path.suffix}"
        try:
            yield temporary
            if is_regular:
                _put(temporary, target)
            else:
                with _opened(path) as file, open(temporary, "rb") as written:
                    shutil.copyfileobj(written, file)
        finally:
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes temporary files of `replacing` below a folder whose process was killed.

    Those are told by their age: a process that writes may be one of another machine or container, which cannot be seen.
    """
    for path in folder.rglob(".*-*"):
        with contextlib.suppress(FileNotFoundError):  # it has just been given its name
            if is_leftover(path) and time.time() - path.stat().st_mtime > IN_USE:
                path.unlink()


def signature(path: str | Path) -> tuple[int, int] | None:
    """Size in bytes and time of the last change in nanoseconds; None for what is not there; zeros for a broken link."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0) if os.path.islink(path) else None
    return status.st_size, status.st_mtime_ns


def is_leftover(path: Path) -> bool:
    """Whether this is a temporary file of `replacing`."""
    return bool(LEFTOVER.fullmatch(path.name)) and path.is_file()


class GrowingFile:
    """A text file that is written piece by piece as results come, each piece at once.

    Until it is whole it lies beside its place as `NAME.part`, which stays there when the work is broken off. A device
    or a pipe gets each piece.

    Args:
        path: the file.

    Raises:
        InputError: it cannot be written, or is being written already; also `write` and the end of the `with` block
            raise it.
    """

    def __init__(self, path: Path):
        self._path = path
        with _in_one_line(path):
            self._target, self._is_regular = _end_of(path)
            self._part = self._target.with_name(name_within(self._target.name, ".part"))
            self._file = _emptied(self._part) if self._is_regular else _opened(path)

    def write(self, text: str) -> None:
        """Appends UTF-8."""
        if not self._is_regular:
            print(end="", flush=True)  # it may be the console itself
        with self._errors():
            self._file.write(text.encode("utf-8", "backslashreplace"))
            self._file.flush()

    def __enter__(self) -> "GrowingFile":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        with self._errors(), _lock_kept(self._file):
            self._file.close()
            if kind is None and self._is_regular:
                _put(self._part, self._target)

    def _errors(self) -> contextlib.AbstractContextManager[None]:
        kept = f"the rows so far are in {self._part}" if self._is_regular else "the rest is lost"
        return _in_one_line(self._path, kept)


def check_file(path: Path, option: str) -> None:
    """Raises `InputError` where a file cannot be written, before anything is done for its sake.

    Args:
        path: of the file, which may exist.
        option: that it was given with, for the message.
    """
    with _in_one_line(f"{option} {path}", "give another path"):
        if path.is_dir():
            raise InputError(f"{option} {path} is a folder; give the name of a file")
        target, is_regular = _end_of(path)
        if not is_regular:
            if (number := _descriptor(path)) is not None:
                os.fstat(number)
            elif stat.S_ISBLK(os.stat(path).st_mode):
                raise InputError(f"{option} {path} is a whole disk; give the name of a file")
            elif not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        if not target.parent.is_dir():
            raise InputError(f"{target.parent} is no folder; make it, or give another {option}")
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _try_writing_in(target.parent)


def check_folder(path: Path, option: str) -> None:
    """Raises `InputError` where files cannot be written into a folder, or it is missing and cannot be made."""
    with _in_one_line(f"{option} {path}", "give another folder"):
        resolved = Path(os.path.realpath(path))
        existing = next(folder for folder in (resolved, *resolved.parents) if folder.exists())
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{existing} is a file")
        _try_writing_in(existing)


def name_within(stem: str, ending: str, most: int = LONGEST_NAME) -> str:
    """`stem` and `ending` as the name of a file, of at most so many bytes; the stem is cut between characters."""
    room = most - len(os.fsencode(ending))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + ending


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as indented JSON. Raises `ValueError` for NaN and infinity, which JSON has not."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False, default=str) + "\n", encoding="utf-8")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a header and rows as CSV."""
    with (
        replacing(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _end_of(path: Path) -> tuple[Path, bool]:
    """Where links lead, and whether there is a regular file, or none yet, which is to be replaced."""
    if _descriptor(path) is not None:
        return path, False
    try:
        is_regular = stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_regular = True
    return Path(os.path.realpath(path)), is_regular


def _descriptor(path: Path) -> int | None:
    """The number of an open file that `path` stands for, as the shell has it; None for all other paths."""
    found = DESCRIPTOR.fullmatch(str(path))
    if not found:
        return None
    return {"out": 1, "err": 2}[found[2]] if found[2] else int(found[1] or found[3])


def _opened(path: Path) -> BinaryIO:
    """A file, a device or a pipe, to write to; a pipe without a reader waits for one."""
    number = _descriptor(path)
    return open(path, "wb") if number is None else open(os.dup(number), "wb")


def _emptied(path: Path) -> BinaryIO:
    """A file to write to from its start on, which it has for itself: another's rows would be lost, and stand in it."""
    for attempt in range(TRIES):
        file = open(path, "ab")  # noqa: SIM115 (it stays open)
        if not _has_lock(file):
            file.close()
            raise InputError(f"{path} is being written by another process; wait for its end, or give another path")
        with contextlib.suppress(FileNotFoundError):  # another process has just given it its name
            # Some network drives number an open file otherwise.
            if attempt == TRIES - 1 or os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                file.truncate(0)
                return file
        file.close()
    raise InputError(f"cannot write {path}: another process takes it away again and again; give another path")


def _has_lock(file: BinaryIO) -> bool:
    """Whether a file is nobody else's until it is closed; where the system or the drive has no locks, it seems so."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@contextlib.contextmanager
def _lock_kept(file: BinaryIO) -> Iterator[None]:
    """Keeps the lock of a file that is closed within."""
    if os.name != "posix":  # Windows renames no file that is open
        yield
        return
    held = os.dup(file.fileno())
    try:
        yield
    finally:
        os.close(held)


def _put(temporary: Path, target: Path) -> None:
    """Gives a file that is whole its name, with the permissions of the one before."""
    with contextlib.suppress(OSError):
        shutil.copymode(target, temporary)
    os.replace(temporary, target)


def _try_writing_in(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, prefix="."):
        pass


@contextlib.contextmanager
def _in_one_line(what: object, then: str = "give another path") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write {what} ({error.strerror or error}); {then}") from None
