"""Images that join a run after its training: a folder of them checked, and the run's splits with them."""

import dataclasses
import functools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from piade_tf.data.checked_files import checked_files
from piade_tf.data.decode import UnreadableImageError, decode, decode_file, grey_in_colour, read_content
from piade_tf.data.groups import groups_of_added
from piade_tf.data.known_images import KnownImage, digests_of
from piade_tf.data.near_duplicates import look_of
from piade_tf.data.preparation import Preparation
from piade_tf.data.reading import chosen_from, paths_dataset, split_of
from piade_tf.data.source import ImageSet
from piade_tf.data.splits import DataSplits, Split
from piade_tf.errors import InputError
from piade_tf.printable import from_here, printable

JOINED = ("train", "validation", "calibration")


@dataclasses.dataclass(frozen=True)
class FolderImages:
    """The images of a folder, each one once.

    Attributes:
        paths: whole paths.
        digests: of their pixels as the network takes them.
        looks: their perceptual hashes, as `look_of` gives them.
    """

    paths: list[str]
    digests: list[str]
    looks: list[bytes]

    def without(self, digests: set[str]) -> "FolderImages":
        """Those that have none of these digests."""
        kept = [i for i, digest in enumerate(self.digests) if digest not in digests]
        return FolderImages(
            [self.paths[i] for i in kept], [self.digests[i] for i in kept], [self.looks[i] for i in kept]
        )


def folder_images(
    paths: Sequence[str], preparation: Preparation, kinds: dict[str, int], any_colour: bool = False
) -> FolderImages:
    """Reads images and checks that they are of the kind that the run knows; of equal ones the first is kept.

    Args:
        paths: of the files.
        preparation: of the run.
        kinds: the run's images by size and mode, as in `Source`. If all are of one size, others must be too.
        any_colour: whether grey images may join those in colour; they may in any case where some of the run are grey.

    Raises:
        InputError: an image cannot be read, is of another size or colour, has grey values beyond the bits of the run or
            a name that cannot be recorded.
    """
    sizes = {kind.split()[0] for kind in kinds}
    size = next(iter(sizes)) if len(sizes) == 1 else None
    size = None if size is None or "?" in size else size
    any_colour = any_colour or any(_is_grey(kind.partition(" ")[2]) for kind in kinds)
    by_digest: dict[str, tuple[str, bytes]] = {}
    for path in paths:
        whole, name = absolute(path), printable(from_here(path))
        try:
            pixels = decode(read_content(path), preparation.bits).within(preparation.bits)
            prepared = preparation(pixels)
        except UnreadableImageError as error:
            raise InputError(f"{name} {error}; mend it or take it out") from None
        found = f"{pixels.shape[1]}x{pixels.shape[0]}"
        if size is not None and found != size:
            raise InputError(
                f"{name} has {found} pixels, the images of the run have {size}; bring it to that size as they were "
                "brought, or train again with both"
            )
        grey = grey_in_colour(pixels)
        if preparation.channels == 1 and not grey:
            raise InputError(f"{name} has colour, the images of the run are grey; make it grey, or train again")
        if preparation.channels == 3 and grey and not any_colour:
            raise InputError(f"{name} is grey, the images of the run have colour; give images of the same camera")
        by_digest.setdefault(digests_of([prepared])[0], (whole, look_of(prepared)))
    kept = list(by_digest.values())
    return FolderImages([path for path, _ in kept], list(by_digest), [look for _, look in kept])


def _is_grey(mode: str) -> bool:
    """Whether Pillow's mode has grey values alone."""
    return mode in ("1", "L", "LA", "La", "F") or mode.startswith("I")


def folder_split(paths: Sequence[str], preparation: Preparation) -> Split:
    """Image files that were checked, as a split."""
    names = np.array([printable(path) for path in paths], dtype=object)
    images = ImageSet(
        items=lambda indices: paths_dataset([paths[i] for i in indices]),
        read=checked_files(functools.partial(decode_file, bits=preparation.bits)),
        classes=np.full(len(paths), ""),
        labels=np.zeros(len(paths), "int64"),
        ids=names,
    )
    return split_of(images, np.arange(len(paths)), preparation)


def extended(data: DataSplits, known: Sequence[KnownImage]) -> DataSplits:
    """The splits with the images that were added to them, and without test images that are among these.

    Args:
        data: of the run's own data.
        known: what the run knows; the rows of test images are in the order of `data.test`.

    Raises:
        InputError: an added image is gone or has changed.
    """
    added = [one for one in known if one.added]
    if not added:
        return data
    assert data.preparation is not None
    gone = [one for one in added if not os.path.isfile(one.image)]
    if gone:
        raise InputError(
            f"{len(gone)} of {len(added)} images that were added to the run are gone, such as {gone[0].image}; put "
            f"{gone[0].added} back where it was"
        )
    splits: dict[str, Any] = {}
    for name in JOINED:
        rows = [one for one in added if one.split == name]
        if rows:
            more = folder_split([one.image for one in rows], data.preparation)
            digests = digests_of(more.images.as_numpy_iterator())
            changed = [one.image for one, digest in zip(rows, digests, strict=True) if one.digest != digest]
            if changed:
                raise InputError(f"{changed[0]} is another image than the one that was added to the run; put that back")
            groups = groups_of_added([one.image for one in rows], [one.added for one in rows], data.group_by)
            more = dataclasses.replace(more, groups=groups)
            splits[name] = joined(getattr(data, name), more, data.image_shape)
    digests_added = {one.digest for one in added}
    tested = np.array([one.digest not in digests_added for one in known if one.split == "test"], bool)
    if len(tested) == data.test.count and not tested.all():
        splits["test"] = chosen_from(data.test, tested)
    return dataclasses.replace(data, **splits)


def joined(first: Split, second: Split, shape: tuple[int, ...]) -> Split:
    """One split after the other; the groups of the second count where the first has groups."""
    one, other = first.jittered, second.jittered
    count = first.count + second.count
    known = len(first.ids) == first.count and len(second.ids) == second.count

    def jittered(seed: int, rows: range = range(count)) -> tf.data.Dataset:
        assert one and other
        return one(seed).concatenate(other(seed)).skip(rows.start).take(len(rows))

    return Split(
        items=first.images.concatenate(second.images),
        count=count,
        item_bytes=math.prod(shape),
        jittered=jittered if one and other else None,
        ids=np.concatenate([np.asarray(part.ids, object) for part in (first, second)]) if known else first.ids[:0],
        groups=np.concatenate([first.groups, second.groups]) if len(first.groups) else first.groups,
    )


def absolute(place: str | Path) -> str:
    """A folder or a file as it is recorded.

    Raises:
        InputError: its name is no text, or has a carriage return, which a table does not give back.
    """
    path = os.path.abspath(place)
    if "\r" in path or any("\ud800" <= c <= "\udfff" for c in path):
        raise InputError(f"{printable(path)} has a name that is no plain text; rename it")
    return path
