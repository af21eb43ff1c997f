"""What new images of a trained run are to serve for."""

import numpy as np

from piade_tf.data.added_images import FolderImages
from piade_tf.data.division import LEAST_IMAGES, hold_out
from piade_tf.data.groups import groups_of_added
from piade_tf.data.known_images import KnownImage

JOINS = ("train", "validation", "calibration")


def assigned(images: FolderImages, folder: str, seed: int, group_by: str | None = None) -> list[KnownImage]:
    """New images, each with what it is to serve for, in the order of the splits.

    In the shares of a training: most are learned, some standardise, some set the threshold. Of fewer than 5, or than 3
    groups, all are learned.

    Args:
        images: the new ones.
        folder: that they come from.
        seed: of the run.
        group_by: which of them are not to be parted, as `groups_of_added` takes it.
    """
    count = len(images.paths)
    learned = np.arange(count)
    groups = None if group_by is None else groups_of_added(images.paths, [folder] * count, group_by)
    enough = count >= LEAST_IMAGES and (groups is None or len(set(groups.tolist())) >= len(JOINS))
    parts = hold_out(count, seed, groups) if enough else (learned, learned[:0], learned[:0])
    return [
        KnownImage(images.paths[i], name, images.digests[i], folder)
        for name, part in zip(JOINS, parts, strict=True)
        for i in part
    ]
