"""Folders below a class, and its own: lots of it, unless their names say that their images are of another kind."""

import os
from collections.abc import Callable
from pathlib import Path

from piade_tf.data.names import BAD, means
from piade_tf.errors import InputError


def refuse_bad(folder: Path, option: str) -> None:
    """Raises `InputError` where the name of a folder that was given for good images with that option says bad."""
    if means(folder.resolve().name, BAD):
        raise InputError(
            f"{option} {folder}: its name says that its parts are not good; give the folder above it, or, if they are, "
            f"rename it and give the new name with {option}"
        )


def without_bad(images: list[str], place: str) -> tuple[list[str], list[str]]:
    """The images of a normal class at `place`, without those in folders below whose names say bad; a line for each."""
    kept, left = _parted(images, place, lambda name: means(name, BAD))
    return kept, [f"{folder} is not used: its name says that its parts are not good" for folder in left]


def without_normal(images: list[str], place: str, is_normal: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """The images of another class at `place`, without those in folders below called normal; a line for each."""
    kept, left = _parted(images, place, is_normal)
    told = "is not used: its name says that its parts are normal; move it beside"
    return kept, [f"{folder} {told} {place} to test on them" for folder in left]


def folders_in(path: str, place: str) -> list[str]:
    """The names of the folders between `place` and a file below it."""
    return path[len(place) :].split(os.sep)[1:-1]


def by_its_own_name(folder: Path, wanted: str, names: list[str]) -> str:
    """The one of `names` in `folder` that a link called `wanted` leads to; else `wanted`."""
    link = os.path.join(folder, wanted)
    if wanted in names or not os.path.isdir(link):
        return wanted
    return next((name for name in names if os.path.samefile(os.path.join(folder, name), link)), wanted)


def _parted(images: list[str], place: str, is_other: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """The images that are in no such folder below `place`, and the folders that the others are in."""
    kept: list[str] = []
    left: set[str] = set()
    for path in images:
        parts = folders_in(path, place)
        depth = next((depth for depth, part in enumerate(parts) if is_other(part)), None)
        if depth is None:
            kept.append(path)
        else:
            left.add(os.path.join(place, *parts[: depth + 1]))
    return kept, sorted(left)
