"""The images that the arguments of `piade predict` stand for, and what lies beside them."""

import dataclasses
import functools
import glob
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from piade_tf.cli.stdin_paths import paths_on_stdin
from piade_tf.errors import InputError
from piade_tf.printable import some

NAMES_SHOWN = 8


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
        elif matches := sorted(glob.glob(name, recursive=True)):
            _add_matches(found, name, matches)
        else:
            missing = "matches nothing" if glob.has_magic(name) else "does not exist"
            raise InputError(f"{name} {missing}; give an image, a folder, a pattern or -")
    if "-" not in given:
        _check_some(found)
    return found


def tell_passed_over(found: Found) -> None:
    """Prints what lies beside the photographs, if anything does."""
    if found.passed_over:
        names = some(found.passed_over, NAMES_SHOWN)
        print(f"note: passed over {len(found.passed_over)} files or folders that are no photographs: {names}")


def _add_matches(found: Found, pattern: str, matches: list[str]) -> None:
    """Adds what a pattern matches and what lies in it, but for runs below where the pattern begins, as in a folder."""
    from piade_tf.data.own_runs import run_around

    start = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    run_of = functools.cache(functools.partial(run_around, start=start))
    paths = {Path(match): match for match in matches}
    folders = {path for path in paths if path.is_dir()}
    outside = [path for path in paths if folders.isdisjoint(path.parents)]  # ** matches what is in them, too
    runs = {path: run_of(path if path in folders else path.parent) for path in outside}
    found.passed_over += sorted({f"{run} (a run of PIADE-TF)" for run in runs.values() if run})
    files = [paths[path] for path in outside if path not in folders and not runs[path]]
    found.paths += _photographs(files, found)
    for path in outside:
        if path in folders and not runs[path]:
            _add_folder(found, paths[path])


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
        besides = f", only what is passed over: {some(found.passed_over)}" if found.passed_over else ""
        raise InputError(f"no images{besides}; give files, folders, patterns or - for paths on standard input")


def _photographs(paths: list[str], found: Found) -> list[str]:
    """The paths without heatmaps of an earlier prediction, which patterns and lists take along; those are noted."""
    from piade_tf.data.own_pictures import is_own_picture

    own = {path for path in paths if is_own_picture(path)}
    found.passed_over += [f"{path} (drawn by PIADE-TF)" for path in sorted(own)]
    return [path for path in paths if path not in own]
