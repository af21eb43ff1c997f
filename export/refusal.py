"""What keeps one format from shipping, and no other."""

import contextlib
from collections.abc import Iterator

from piade_tf.errors import InputError


class CannotRun(InputError):
    """A file that cannot be made, loaded or run, or whose scores are no numbers; says so as `it ...`, in one line."""


@contextlib.contextmanager
def refused(what: str) -> Iterator[None]:
    """Raises `CannotRun`, which says `what`, for what LiteRT or its quantizer refuses inside."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CannotRun(f"{what} ({reason}); train longer, or leave this format out") from None
