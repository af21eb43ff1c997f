"""Images that belong together, such as the frames of a burst: they never stand on both sides of a split."""

import os
import re
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath

import numpy as np

from piade_tf.data.alike import shown
from piade_tf.errors import InputError

FOLDER = "folder"


def groups_of(names: Sequence[str], group_by: str) -> np.ndarray:
    """The group of each image, `(n,)`, str.

    Args:
        names: of the images, with the folders that they lie in.
        group_by: `folder`: images in one folder belong together. Else a pattern, as Python's `re` takes it: images
            for which its first group, or without one all that it matches, is the same.

    Raises:
        InputError: the pattern is none, does not match every name, or all images would be one group.
    """
    if group_by == FOLDER:
        groups = [str(PurePosixPath(name).parent) for name in names]
    else:
        groups = [_matched(pattern(group_by), name) for name in names]
        if without := [name for name, group in zip(names, groups, strict=True) if not group]:
            raise InputError(
                f"--group-by {group_by!r} matches {len(names) - len(without)} of {len(names)} names, and not "
                f"{shown(without)}; give a pattern that matches each of them"
            )
    if len(names) and len(set(groups)) == 1:
        raise InputError(
            f"--group-by {group_by!r} puts all {len(names)} images into one group, {groups[0]!r}, of which no part can "
            "be held out; give a pattern with a group in parentheses that differs, such as '(lot[0-9]+)'"
        )
    return np.array(groups, dtype=object)


def groups_of_added(paths: Sequence[str], folders: Sequence[str], group_by: str | None) -> np.ndarray:
    """The group of each image that joins a run after its training, `(n,)`, str; what has no group stands by itself.

    Args:
        paths: of the images.
        folders: that were given, in which the images lie, directly or in folders of their own.
        group_by: as for `groups_of`; for `folder`, images directly in the folder that was given stand by themselves.
            None: all do.
    """
    if group_by is None:
        return np.array(paths, dtype=object)
    names = [os.path.relpath(path, folder) for path, folder in zip(paths, folders, strict=True)]
    if group_by == FOLDER:
        found = [
            os.path.dirname(path) if os.path.dirname(name) else "" for path, name in zip(paths, names, strict=True)
        ]
    else:
        found = [_matched(pattern(group_by), PurePath(name).as_posix()) for name in names]
    return np.array([group or path for group, path in zip(found, paths, strict=True)], dtype=object)


def pattern(group_by: str) -> re.Pattern[str]:
    """Raises `InputError` where it is no pattern."""
    try:
        return re.compile(group_by)
    except re.error as error:
        raise InputError(f"--group-by must be folder or a pattern, got {group_by!r} ({error})") from None


def held_out_groups(groups: np.ndarray, wanted: Sequence[int], seed: int) -> list[np.ndarray]:
    """Parts of about the wanted sizes, each of whole groups, at random, and last the rest.

    Args:
        groups: `(n,)`, the group of each image.
        wanted: how many images each part is to have at least, where that leaves one group for every other part.
        seed: of the choice.

    Returns:
        For each of `wanted`, then of the rest, the indices of its images, sorted.

    Raises:
        InputError: there are fewer groups than parts.
    """
    names, group = np.unique(groups.astype(str), return_inverse=True)
    parts = len(wanted) + 1
    if len(names) < parts:
        raise InputError(
            f"--group-by finds {len(names)} groups among {len(groups)} images, and {parts} are needed: to learn from, "
            "and to hold out; give a pattern that finds more"
        )
    sizes = np.bincount(group)
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    found = []
    for place, least in enumerate(wanted):
        others = len(wanted) - place  # parts that still need a group
        chosen: list[int] = []
        while sum(sizes[chosen]) < least and len(order) > others:
            missing = least - sum(sizes[chosen])
            # The first at random that is not much too large; where all are, the smallest.
            fitting = [name for name in order if sizes[name] <= 2 * missing]
            name = fitting[0] if fitting else min(order, key=lambda one: sizes[one])
            if chosen and not fitting:
                break
            chosen.append(name)
            order.remove(name)
        found.append(np.flatnonzero(np.isin(group, chosen)))
    return [*found, np.flatnonzero(np.isin(group, order))]


def folds_of_groups(groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Which of `folds` parts each image belongs to, whole groups in one part, the parts of about equal size.

    Args:
        groups: `(n,)`, the group of each image, at least two.
        folds: at most so many.
        seed: of the choice.

    Returns:
        `(n,)`, from 0.
    """
    names, group = np.unique(groups.astype(str), return_inverse=True)
    sizes = np.bincount(group)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]  # large ones first, so that small ones even out
    filled = np.zeros(min(folds, len(names)), "int64")
    part = np.zeros(len(names), "int64")
    for name in order:
        part[name] = filled.argmin()
        filled[part[name]] += sizes[name]
    return part[group]


def _matched(found: re.Pattern[str], name: str) -> str:
    match = found.search(name)
    if match is None:
        return ""
    return match.group(1) or "" if found.groups else match.group(0)
