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
PERMIT = "mend its permissions, or run this as a user who has them"
MEND = {  # of a file or a folder; others, such as one that is not there, are mistakes of ours where they come here
    errno.EACCES: PERMIT,
    errno.EPERM: PERMIT,
    errno.EROFS: "give another folder, or make this one writable",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EIO: "see whether its drive is well, and try again",
    errno.ESTALE: "see whether its drive is still there, and try again",
    errno.ELOOP: "mend the links, which lead in a circle",
}


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
    files = [file for file in (error.filename, error.filename2) if isinstance(file, str | bytes) and file]
    then = MEND.get(error.errno or 0)
    if not files or not then:
        return None
    return f"{' to '.join(map(os.fsdecode, files))}: {error.strerror}; {then}"
