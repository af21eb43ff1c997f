"""The images that the arguments of `piade predict` stand for, and what lies beside them."""

import dataclasses
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from piade_tf.cli.stdin_paths import paths_on_stdin
from piade_tf.errors import InputError


@dataclasses.dataclass
class Found:
    """What is to be scored.

    Attributes:
        paths: of images, in the order given, folders in the order of names.
        listed: more of them, on standard input, as they come.
        unread: `(path, reason)` of what may hold images and could not be entered or is of a kind that is not read.
        passed_over: what lies in folders and is no photograph.
    """

    paths: list[str] = dataclasses.field(default_factory=list)
    listed: Iterator[list[str]] = dataclasses.field(default_factory=lambda: iter(()))
    unread: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    passed_over: list[str] = dataclasses.field(default_factory=list)


def find_images(given: tuple[str, ...]) -> Found:
    """The files that paths, folders, patterns and `-` stand for.

    Raises:
        InputError: a path that does not exist, a folder or pattern without images, or nothing at all; also `listed`
            raises it.
    """
    from piade_tf.data.walk import SUFFIXES

    found = Found()
    for name in given:
        if name == "-":
            found.listed = _as_they_come(found)
        elif os.path.isdir(name):
            if not _add_folder(found, name):
                raise InputError(f"{name} holds no images ({' '.join(SUFFIXES)}); give another folder")
        elif os.path.lexists(name):
            found.paths += _photographs([name], found)
        elif matches := {Path(path): path for path in sorted(glob.glob(name, recursive=True))}:
            folders = {path for path in matches if path.is_dir()}
            outside = [path for path in matches if folders.isdisjoint(path.parents)]  # ** matches what is in them, too
            found.paths += _photographs([matches[path] for path in outside if path not in folders], found)
            for folder in outside:
                if folder in folders:
                    _add_folder(found, matches[folder])
        else:
            missing = "matches nothing" if glob.has_magic(name) else "does not exist"
            raise InputError(f"{name} {missing}; give an image, a folder, a pattern or -")
    if "-" not in given:
        _check_some(found)
    return found


def _add_folder(found: Found, folder: str) -> bool:
    """Adds all below a folder; returns whether there was an image, or something that may be one."""
    from piade_tf.data.walk import walk

    below = walk(folder)
    found.paths += [os.path.join(folder, path) for path in below.images]
    found.unread += [(os.path.normpath(os.path.join(folder, path)), reason) for path, reason in below.unread]
    found.passed_over += [os.path.join(folder, path) for path in below.passed_over]
    return bool(below.images or below.unread)


def _as_they_come(found: Found) -> Iterator[list[str]]:
    any_listed = False
    for paths in paths_on_stdin():
        if photographs := _photographs(paths, found):
            any_listed = True
            yield photographs
    if not any_listed:
        _check_some(found)


def _check_some(found: Found) -> None:
    if not found.paths and not found.unread:
        drawn = f" but {len(found.passed_over)} pictures that PIADE-TF drew" if found.passed_over else ""
        raise InputError(f"no images{drawn}; give files, folders, patterns or - for paths on standard input")


def _photographs(paths: list[str], found: Found) -> list[str]:
    """The paths without heatmaps of an earlier prediction, which patterns and lists take along; those are noted."""
    from piade_tf.data.own_pictures import is_own_picture

    own = {path for path in paths if is_own_picture(path)}
    found.passed_over += sorted(own)
    return [path for path in paths if path not in own]
