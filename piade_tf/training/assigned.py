"""What new images of a trained run are to serve for."""

import numpy as np

from piade_tf.data.added_images import FolderImages
from piade_tf.data.division import LEAST_IMAGES, hold_out
from piade_tf.data.known_images import KnownImage

JOINS = ("train", "validation", "calibration")


def assigned(images: FolderImages, folder: str, seed: int) -> list[KnownImage]:
    """New images, each with what it is to serve for, in the order of the splits.

    In the shares of a training: most are learned, some standardise, some set the threshold. Of fewer than 5 all are
    learned.

    Args:
        images: the new ones.
        folder: that they come from.
        seed: of the run.
    """
    count = len(images.paths)
    learned = np.arange(count)
    parts = hold_out(count, seed) if count >= LEAST_IMAGES else (learned, learned[:0], learned[:0])
    return [
        KnownImage(images.paths[i], name, images.digests[i], folder)
        for name, part in zip(JOINS, parts, strict=True)
        for i in part
    ]
