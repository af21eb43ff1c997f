"""Where decoded images are kept after the first epoch."""

import dataclasses
import math
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Literal

import numpy as np

from piade_tf.data.splits import DataSplits, Split
from piade_tf.free_memory import free_memory
from piade_tf.temporary import make_temporary_folder, remove_temporary_folder
from piade_tf.workers import Workers

SHARE_OF_MEMORY, SHARE_OF_DISK = 0.25, 0.5

Place = Literal["memory", "disk", "none"]


def with_cache(data: DataSplits, cache: Literal["auto", "memory", "disk", "none"]) -> DataSplits:
    """The same splits with the images that every epoch needs kept in memory, on disk or nowhere.

    Args:
        data: the splits; train and validation are kept, calibration and test are read once only.
        cache: auto decides by the size of the decoded images; see `place_for`.
    """
    if data.train.read is None:  # in memory as they are
        return data
    size = (data.train.count + data.validation.count) * math.prod(data.image_shape)
    place = _place_now(size) if cache == "auto" else cache
    if place == "none":
        return data
    folder = _temporary_folder(data) if place == "disk" else None
    train, validation = (_cached(getattr(data, name), data, folder, name) for name in ("train", "validation"))
    return dataclasses.replace(data, train=train, validation=validation)


def shuffled_alike(data: DataSplits, workers: Workers) -> DataSplits:
    """The same splits, of which every worker shuffles the training images in one order, wherever it keeps them."""
    told = workers.joined({"item_bytes": np.array([data.train.item_bytes])})  # which decides how many are mixed at once
    train = dataclasses.replace(data.train, item_bytes=int(told["item_bytes"].max()))
    return dataclasses.replace(data, train=train)


def place_for(size: int, free_memory: int, free_disk: int) -> Place:
    """Memory where the images take less than a quarter of what is free, else disk where less than half, else none.

    Args:
        size, free_memory, free_disk: bytes.
    """
    if size < SHARE_OF_MEMORY * free_memory:
        return "memory"
    return "disk" if size < SHARE_OF_DISK * free_disk else "none"


def _place_now(size: int) -> Place:
    return place_for(size, free_memory(), shutil.disk_usage(tempfile.gettempdir()).free)


def _cached(split: Split, data: DataSplits, folder: Path | None, name: str) -> Split:
    images = split.images.cache(str(folder / name)) if folder else split.images.cache()
    # What lies in memory can be shuffled whole, whatever its size.
    item_bytes = math.prod(data.image_shape) if folder else 0
    return dataclasses.replace(split, items=images, read=None, item_bytes=item_bytes, unkept=split)


def _temporary_folder(data: DataSplits) -> Path:
    """A folder that goes when the program ends."""
    folder = make_temporary_folder()
    weakref.finalize(data.train.items, remove_temporary_folder, folder)
    return folder
