"""The images that the arguments of `piade predict` stand for, and what lies beside them."""

import dataclasses
import glob
import os
import sys

from piade_tf.errors import InputError


@dataclasses.dataclass
class Found:
    """What is to be scored.

    Attributes:
        paths: of images, in the order given, folders in the order of names.
        unread: `(path, reason)` of what may hold images and could not be entered or is of a kind that is not read.
        passed_over: what lies in folders and is no photograph.
    """

    paths: list[str] = dataclasses.field(default_factory=list)
    unread: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    passed_over: list[str] = dataclasses.field(default_factory=list)


def find_images(given: tuple[str, ...]) -> Found:
    """The files that paths, folders, patterns and `-` stand for.

    Raises:
        InputError: a path that does not exist, a folder or pattern without images, or nothing at all.
    """
    from piade_tf.data.walk import SUFFIXES, walk

    found = Found()
    for name in given:
        if name == "-":
            text = sys.stdin.read()
            separator = "\0" if "\0" in text else "\n"  # find has -print0 for names with line breaks
            found.paths.extend(line.rstrip("\r") for line in text.split(separator) if line.strip())
        elif os.path.isdir(name):
            below = walk(name)
            if not below.images and not below.unread:
                raise InputError(f"{name} holds no images ({' '.join(SUFFIXES)}); give another folder")
            found.paths += [os.path.join(name, path) for path in below.images]
            found.unread += [(os.path.normpath(os.path.join(name, path)), reason) for path, reason in below.unread]
            found.passed_over += [os.path.join(name, path) for path in below.passed_over]
        elif os.path.lexists(name):
            found.paths.append(name)
        elif matches := sorted(glob.glob(name, recursive=True)):
            found.paths.extend(matches)
        else:
            raise InputError(f"{name} does not exist; give an image, a folder, a pattern or -")
    if not found.paths and not found.unread:
        raise InputError("no images; give files, folders, patterns or - for paths on standard input")
    return found
