"""How a program ends: one line on stderr where the user has something to correct, and the exit code that fits."""

import contextlib
import sys
import traceback
from collections.abc import Iterator

from piade_tf.errors import InputError
from piade_tf.printable import printable

USER_ERROR, INTERRUPTED = 2, 130


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the program with one line and exit code 2 on an `InputError`, with 130 on an interrupt."""
    try:
        yield
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        raise SystemExit(USER_ERROR) from None
    except KeyboardInterrupt:
        print("error: interrupted; what is in the run directory stays, an unfinished export does not", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except Exception:  # a mistake of ours: 1 would mean "anomalous" to a script that calls predict
        traceback.print_exc()
        raise SystemExit(USER_ERROR) from None
