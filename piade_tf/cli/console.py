"""A console never ends the work: what it cannot show is escaped, and what it no longer takes is dropped."""

import io
import os
import sys


class _Lasting(io.FileIO):
    """A descriptor on which writing does not fail: after the first failure, all is dropped.

    Attributes:
        gone: whether that has happened: the disk is full, the terminal closed, the reader of a pipe has gone.
    """

    gone = False

    def write(self, data) -> int:
        if not self.gone:
            try:
                return super().write(data) or 0
            except OSError:
                self.gone = True
        return memoryview(data).nbytes


def steady_console() -> None:
    """Makes stdout and stderr of this process such that printing cannot fail."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # one was closed, and would be the next file that is opened
        pass
    os.close(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            raw = getattr(stream.buffer, "raw", stream.buffer)
            if type(raw) is io.FileIO and raw.fileno() == number:  # not that of Windows' console, nor a test's
                stream.flush()
                setattr(sys, name, _lasting(number, stream))


def nobody_reads() -> bool:
    """Whether what is printed is dropped, since the reader has gone, as `head` does."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, _Lasting) and raw.gone


def _lasting(number: int, like: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(number, "w", closefd=False)),
        encoding=like.encoding,
        errors="backslashreplace",
        line_buffering=like.line_buffering or like.write_through,
    )
