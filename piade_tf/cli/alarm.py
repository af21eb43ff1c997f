"""The alarm of `piade watch`: a command for each photograph that is not normal."""

import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from piade_tf.errors import InputError
from piade_tf.printable import printable

AT_ONCE = 8  # commands; the others wait for their turn, since a system has room for so many processes


class Alarm:
    """Starts a command without waiting for it: the next photograph is more urgent. For a `with` statement.

    The block ends after the last. Where it or that waiting is interrupted, those that have not had their turn are not
    started any more, which is said.

    Args:
        given: the command as a shell would split it; None: there is no alarm.

    Raises:
        InputError: it is none that can be started.
    """

    def __init__(self, given: str | None):
        self._command = _words(given)
        self._pool = ThreadPoolExecutor(AT_ONCE, "alarm")
        self._open: list[Future] = []

    def __enter__(self) -> "Alarm":
        if self._command:
            self._pool.submit(int).result()  # a thread that does all, one by one, where no other can be started later
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._pool.shutdown(wait=kind is None or issubclass(kind, Exception))
        except BaseException:
            self._give_up()
            raise
        if kind is not None and not issubclass(kind, Exception):
            self._give_up()

    def _give_up(self) -> None:
        if left := sum(future.cancel() for future in self._open):
            _warn(f"was not started for {left} photographs any more; their verdicts are in the table")

    def start(self, path: str, score: str, verdict: str) -> None:
        """Starts the command for a photograph; the words in braces are replaced."""
        if not self._command:
            return
        replaced = {"{path}": path, "{score}": score, "{verdict}": verdict}
        words = [re.sub("{(path|score|verdict)}", lambda found: replaced[found[0]], word) for word in self._command]
        self._open = [future for future in self._open if not future.done()]
        if len(self._open) == AT_ONCE:
            _warn(f"is running {AT_ONCE} times and has not ended; that for {printable(path)} waits, and those after it")
        with suppress(RuntimeError):  # no further thread can be started; it is in the queue of the others
            self._open.append(self._pool.submit(_run, words, path))


def _run(words: list[str], path: str) -> None:
    try:
        code = subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        _warn(f"could not be started for {printable(path)} ({error.strerror})")
        return
    if code:
        _warn(f"ended with exit code {code} for {printable(path)}")


def _warn(text: str) -> None:
    print(f"warning: --on-anomaly {text}", file=sys.stderr, flush=True)


def _words(given: str | None) -> list[str]:
    if given is None:
        return []
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise InputError(f"--on-anomaly {given!r} is not a command ({error})") from None
    if not words or shutil.which(words[0]) is None:
        raise InputError(f"--on-anomaly: there is no program {(words or [''])[0]!r}; give one that can be started")
    return words
