"""SIGINT and SIGTERM of a command: one line and the exit code, whatever Python or TensorFlow are doing just then.

A signal raises no exception: one that came up while TensorFlow traces a function would end in an error of its own. A
thread learns of it instead and ends the process, as SIGKILL would, which every file in a run survives. Where work can
be brought to a good end (`finishing`), the first signal is only noted; the second ends at once.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FLUSHING = 1.0  # seconds for a reader to take what was printed

_at_the_end: list[Callable[[], None]] = []
_state = {"asked": 0, "finishing": False}
_hint = ""


class Stopped(BaseException):
    """Work was brought to a good end since a signal asked for it.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def install() -> None:
    """Takes the signals of this process over, but those that it was started to ignore; only in the main thread of a
    program, once."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _noted)
    signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(receiver, sender), name="signals", daemon=True).start()


def take_back() -> None:
    """Takes again what `install` took, after a library has put a handler of its own in its place unasked."""
    for number in SIGNALS:
        if signal.getsignal(number) is _noted:  # as Python knows it
            signal.signal(number, _noted)


@contextlib.contextmanager
def handed_over() -> Iterator[None]:
    """Within, whoever takes the signals has them, and Ctrl-C is a `KeyboardInterrupt` as ever."""
    taken = [number for number in SIGNALS if signal.getsignal(number) is _noted]
    if not taken:
        yield
        return
    receiver = signal.set_wakeup_fd(-1)
    for number in taken:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, _noted)
        signal.set_wakeup_fd(receiver, warn_on_full_buffer=False)


@contextlib.contextmanager
def finishing() -> Iterator[None]:
    """Within, the first signal is left to `stop_if_asked`, which is also called at the end."""
    _state["finishing"] = True
    try:
        yield
    finally:
        _state["finishing"] = False
    stop_if_asked()


def stop_if_asked() -> None:
    """Raises `Stopped` where a signal has come within `finishing`."""
    if number := _state["asked"]:
        raise Stopped(number)


def how_to_go_on(text: str) -> None:
    """What is said at the end of the line, after an interrupt, from now on."""
    global _hint
    _hint = text


def message() -> str:
    """The line that tells of an interrupt."""
    return f"interrupted; {_hint}" if _hint else "interrupted"


def exit_code(number: int) -> int:
    """130 after SIGINT, 143 after SIGTERM, as shells have it."""
    return 128 + number


def at_the_end(function: Callable[[], None]) -> None:
    """Has a function called where a signal ends the process."""
    _at_the_end.append(function)


def _noted(_number: int, _frame: object) -> None:
    """What is to be done the thread does."""


def _listen(receiver: socket.socket, _sender: socket.socket) -> None:
    while numbers := receiver.recv(1):
        number = numbers[0]
        if number not in SIGNALS:
            continue
        if _state["asked"] or not _state["finishing"]:
            _end(number)
        _state["asked"] = number
        _say("\nfinishing the step at hand, then saving; again to stop at once\n")


def _end(number: int) -> None:
    flush = threading.Thread(target=_flush, daemon=True)
    flush.start()
    flush.join(FLUSHING)
    for function in (_end_children, *_at_the_end):
        with contextlib.suppress(Exception):
            function()
    _say(f"error: {message()}\n")
    os._exit(exit_code(number))


def _flush() -> None:
    with contextlib.suppress(Exception):
        if sys.stdout.isatty():
            sys.stdout.write("\r\x1b[K\x1b[?25h")  # a bar hides the cursor
        sys.stdout.flush()


def _say(text: str) -> None:
    """On stderr, past Python's buffers, whose lock the main thread may hold."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "backslashreplace"))


def _end_children() -> None:
    """Measurements of an export are processes of their own."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()
