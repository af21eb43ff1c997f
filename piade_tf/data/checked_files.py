"""Reading what was found before: an item that cannot be read any more is named for the user."""

import os
from collections.abc import Callable

import numpy as np

from piade_tf.data.decode import UnreadableImageError
from piade_tf.lost_images import note_loss
from piade_tf.printable import printable


def checked_files(read: Callable[[bytes], np.ndarray]) -> Callable[[bytes], np.ndarray]:
    """`read`, of files that were checked: notes a loss where it raises `UnreadableImageError`.

    Args:
        read: from a path, or several with a NUL between them, to pixels.
    """

    def reading(paths: bytes) -> np.ndarray:
        try:
            return read(paths)
        except UnreadableImageError as error:
            names = ", ".join(printable(os.fsdecode(path)) for path in paths.split(b"\0"))
            note_loss(f"{names} {error}; it could be read when images were checked: put it back, and start again")
            raise

    return reading


def checked_records(read: Callable[[bytes], np.ndarray], name: str) -> Callable[[bytes], np.ndarray]:
    """`read`, of the encoded images of the data set `name`, which have no names of their own."""

    def reading(content: bytes) -> np.ndarray:
        try:
            return read(content)
        except UnreadableImageError as error:
            note_loss(f"an image of {name} {error}; prepare the data set again")
            raise

    return reading
