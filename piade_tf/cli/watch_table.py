"""The table of `piade watch`: added to row by row, so that it survives whatever ends the program."""

import contextlib
import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from piade_tf.errors import InputError
from piade_tf.not_opened import NOT_OPENED
from piade_tf.printable import path_in_table, printable

COLUMNS = ("path", "pred_score", "percentile", "verdict", "bytes", "modified_ns", "folder")
EARLIER = COLUMNS[:-1]  # of tables that were begun without the folder, and stay so


class WatchTable:
    """A CSV file that remembers what was scored, for a `with` statement.

    A file counts as scored when its folder, its path, its size and its time of change are in the table; one that could
    not be opened only until the table is opened again. Rows that were written without a folder count for any. Each row
    is on the disk before `add` returns; a row that was cut short by a kill is removed when the table is opened again.

    Args:
        path: of the file, which is made if it is not there.
        folder: that is watched.

    Raises:
        InputError: it cannot be written, is another table, or another program writes it; also `add` raises it.
    """

    def __init__(self, path: Path, folder: Path):
        self.path = path
        self._watched = folder
        self._columns: tuple[str, ...]
        self._scored: set[tuple[str, int, int]] = set()
        self._file: io.FileIO

    def __enter__(self) -> "WatchTable":
        if os.path.exists(self.path) and not os.path.isfile(
            self.path
        ):  # a device would be read for ever, a pipe waited for
            raise InputError(f"{self.path} is no file, and the table is read at every start; give another --csv")
        try:
            self._file = io.FileIO(self.path, "a+")  # no buffer, which would write a row that failed when it is closed
        except OSError as error:
            raise InputError(f"cannot write {self.path} ({error.strerror}); give another --csv") from None
        try:
            self._lock()
            with self._errors():
                self._recall()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):  # all rows are on the disk
            self._file.close()

    def follow(self) -> bool:
        """Goes on in the file that has the path by now, as where the folder around it was replaced; returns whether it
        is another one. What was scored before stays known.

        Raises:
            InputError: as at the start.
        """
        before = self._file
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(before.fileno()), os.stat(self.path)):
                return False
        self.__enter__()
        before.close()
        return True

    def folder(self) -> str:
        """Where the photographs lie: a link that is watched may lead elsewhere tomorrow."""
        return printable(os.path.realpath(self._watched))

    def has(self, path: str, signature: tuple[int, int], folder: str | None = None) -> bool:
        """Whether a file was scored.

        Args:
            path: from the watched folder on.
            signature: its size in bytes and time of change in nanoseconds.
            folder: what `folder` gave, which takes longer than the rest; None: as it is now.
        """
        named = path_in_table(path)
        whole = os.path.join(self.folder() if folder is None else folder, named)
        return (whole, *signature) in self._scored or (named, *signature) in self._scored

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row, by `COLUMNS` without the folder; a table that has no column for it gets the whole path."""
        folder = self.folder()
        whole = os.path.join(folder, row["path"])
        cells = row | {"folder": folder} if "folder" in self._columns else row | {"path": whole}
        with self._errors():
            self._write([cells[name] for name in self._columns])
        self._scored.add((whole, row["bytes"], row["modified_ns"]))

    def _write(self, cells: list[Any]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(cells)
        left = memoryview(text.getvalue().encode("utf-8", "backslashreplace"))
        before = os.fstat(self._file.fileno()).st_size
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):  # a row that was not told of does not count
                self._file.truncate(before)
            raise

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"cannot write {self.path} ({error.strerror or error}); it has all photographs told of so far: mend "
                "that and start again, and watch goes on with the next"
            ) from None

    def _recall(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        rows = list(csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline="")))
        if rows and tuple(rows[0]) not in (COLUMNS, EARLIER):
            raise InputError(f"{self.path} is another table than that of watch; give another --csv")
        if content and not whole and not ",".join(COLUMNS).encode().startswith(content):
            raise InputError(f"{self.path} is another file than a table of watch; give another --csv")
        if len(whole) < len(content):
            self._file.truncate(len(whole))
        self._columns = tuple(rows[0]) if rows else COLUMNS
        if not rows:
            self._write(list(COLUMNS))
        for row in rows[1:]:
            try:
                if not row[3].startswith(f"unreadable: {NOT_OPENED}"):  # which may pass without a change of the file
                    folder = row[6] if "folder" in self._columns else ""
                    self._scored.add((os.path.join(folder, path_in_table(row[0])), int(row[4]), int(row[5])))
            except (IndexError, ValueError):
                raise InputError(f"{self.path} has a row that is not one of watch; give another --csv") from None

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{self.path} is being written by another watch; end it, or give another --csv") from None
