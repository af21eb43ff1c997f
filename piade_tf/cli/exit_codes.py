"""How a program ends: one line on stderr where the user has something to correct, and the exit code that fits."""

import contextlib
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


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the program with one line: with exit code 2 on an `InputError` and where memory is short, with 130 or 143
    on a signal, with 75 where another worker of the same training has gone."""
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
        if is_out_of_memory(error):
            print(f"error: {OUT_OF_MEMORY}", file=sys.stderr)
        else:
            traceback.print_exc()
        raise SystemExit(USER_ERROR) from None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was short, for Python or for TensorFlow, which need not have been imported."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
