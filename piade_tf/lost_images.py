"""Images that could be read when the data were checked and cannot any more: moved, cut short, their drive gone."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from piade_tf.errors import InputError

_lost: list[str] = []  # TensorFlow calls readers in its own threads, and turns what they raise into text


def noting_what_is_lost(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """The same reader of a path, or of several with zeros between, for `lost_images_in_one_line` to tell of."""

    def read_and_note(path: bytes) -> Any:
        try:
            return read(path)
        except Exception as error:
            _lost.append(f"{os.fsdecode(path)} {error}".replace("\0", " or "))
            raise

    return read_and_note


@contextlib.contextmanager
def lost_images_in_one_line() -> Iterator[None]:
    """Raises `InputError` with the name of the image where work ended since one could not be read again."""
    _lost.clear()
    try:
        yield
    except InputError:
        raise
    except Exception:
        if not _lost:
            raise
        raise InputError(
            f"{_lost[0]}; it could be read when the images were checked: bring it back, or leave it out for good, and "
            "start again"
        ) from None
