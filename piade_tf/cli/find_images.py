"""The images that the arguments of `piade predict` stand for, and what lies beside them."""

import codecs
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
            _add(found, _listed(sys.stdin.buffer.read()))
        elif os.path.isdir(name):
            below = walk(name)
            if not below.images and not below.unread:
                raise InputError(f"{name} holds no images ({' '.join(SUFFIXES)}); give another folder")
            found.paths += [os.path.join(name, path) for path in below.images]
            found.unread += [(os.path.normpath(os.path.join(name, path)), reason) for path, reason in below.unread]
            found.passed_over += [os.path.join(name, path) for path in below.passed_over]
        elif os.path.lexists(name):
            _add(found, [name])
        elif matches := sorted(glob.glob(name, recursive=True)):
            _add(found, matches)
        else:
            missing = "matches nothing" if glob.has_magic(name) else "does not exist"
            raise InputError(f"{name} {missing}; give an image, a folder, a pattern or -")
    if not found.paths and not found.unread:
        drawn = f" but {len(found.passed_over)} pictures that PIADE-TF drew" if found.passed_over else ""
        raise InputError(f"no images{drawn}; give files, folders, patterns or - for paths on standard input")
    return found


def _add(found: Found, paths: list[str]) -> None:
    """Adds files; heatmaps of an earlier prediction, which patterns and lists take along, are none to score."""
    from piade_tf.data.own_pictures import is_own_picture

    for path in paths:
        (found.passed_over if is_own_picture(path) else found.paths).append(path)


def _listed(content: bytes) -> list[str]:
    """The paths in a list: one a line, or with a zero after each, as `find -print0` has them.

    Names are bytes to the system, and need not be text in any encoding. A mark of Windows' encodings at the start is no
    part of the first name.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", "surrogatepass").encode("utf-8", "surrogatepass")
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\0" in content:
        return [os.fsdecode(name) for name in content.split(b"\0") if name]
    return [os.fsdecode(line) for line in content.replace(b"\r\n", b"\n").split(b"\n") if line.strip()]
