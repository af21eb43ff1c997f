"""Images that could be read once and cannot be any more: deleted, cut short, locked, or their drive is gone.

They are read inside TensorFlow, which makes an error of its own of whatever is raised there, long and without a name.
"""

import contextlib
from collections.abc import Iterator

from piade_tf.errors import InputError

_lost: list[InputError] = []


def note_loss(message: str) -> None:
    """Keeps what `losses_told` is to say of an image that cannot be read."""
    _lost.append(InputError(message))


@contextlib.contextmanager
def losses_told() -> Iterator[None]:
    """Within, what TensorFlow or Keras raise because an image is lost becomes an `InputError` that names the image."""
    _lost.clear()
    try:
        yield
    except InputError:
        raise
    except Exception:
        if _lost:
            raise _lost[0] from None
        raise
