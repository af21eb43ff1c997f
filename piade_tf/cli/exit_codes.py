"""How a program ends: one line on stderr where the user has something to correct, and the exit code that fits."""

import contextlib
import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator

from piade_tf.errors import InputError, WorkerLost
from piade_tf.interrupts import Stopped, exit_code, how_to_go_on, message
from piade_tf.printable import printable

USER_ERROR = 2
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
OUT_OF_MEMORY = (
    "out of memory; close other programs, or try a smaller --batch-size or --image-size, and with photographs "
    "--cache disk"
)
SHORT = {
    errno.ENOSPC: "the disk is full (No space left on device); free some of it, or write to another disk",
    errno.EDQUOT: "your share of the disk is used up (Disk quota exceeded); free some of it, or write to another disk",
    errno.EMFILE: "too many files are open at once (Too many open files); raise the limit: ulimit -n 65536",
}
MEND = {
    errno.EACCES: "mend its permissions, or go on as a user who may",
    errno.EPERM: "mend its permissions, or go on as a user who may",
    errno.ENAMETOOLONG: "give a shorter name",
}  # of a file or a folder; "mend that and try again" for all others


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the program with one line: with exit code 2 on an `InputError`, where memory or room is short and where the
    system refuses a file, with 130 or 143 on a signal, with 75 where another worker of the same training has gone."""
    how_to_go_on("")
    try:
        yield
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        raise SystemExit(USER_ERROR) from None
    except WorkerLost as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        raise SystemExit(TRY_AGAIN) from None
    except Stopped as stopped:
        print(f"error: {message()}", file=sys.stderr)
        raise SystemExit(exit_code(stopped.number)) from None
    except KeyboardInterrupt:
        print(f"error: {message()}", file=sys.stderr)
        raise SystemExit(exit_code(signal.SIGINT)) from None
    except Exception as error:  # a mistake of ours: 1 would mean "anomalous" to a script that calls predict
        if told := what_to_mend(error):
            print(f"error: {printable(told)}", file=sys.stderr)
        else:
            traceback.print_exc()
        raise SystemExit(USER_ERROR) from None


def what_to_mend(error: Exception) -> str | None:
    """What Python or TensorFlow had too little of, or which file the system refuses, and what to do; None where it is
    another error."""
    if isinstance(error, OSError):
        return SHORT.get(error.errno or 0) or _refused(error)
    if type(error).__name__ == "ResourceExhaustedError":  # of TensorFlow, which need not have been imported
        found = (words for number, words in SHORT.items() if os.strerror(number) in str(error))
        return next(found, OUT_OF_MEMORY)
    return OUT_OF_MEMORY if isinstance(error, MemoryError) else None


def _refused(error: OSError) -> str | None:
    if not isinstance(error.filename, str | bytes):  # no file at all, or the number of an open one
        return None
    then = MEND.get(error.errno or 0, "mend that and try again")
    return f"{os.fsdecode(error.filename)}: {error.strerror}; {then}"
