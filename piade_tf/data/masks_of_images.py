"""Which mask in a folder belongs to which image, by names: as MVTec AD, VisA, LOCO and others have them."""

import dataclasses
import itertools
import os
from pathlib import Path

from piade_tf.data.listing import ImageFile
from piade_tf.data.names import BAD, means, of_meaning, same_form
from piade_tf.data.walk import entries, walk
from piade_tf.printable import some

ENDINGS = ("_mask", "-mask", "_gt", "_label", "")


def with_masks(
    root: Path, masks_folder: str, files: list[ImageFile], tested: str, class_name: str
) -> tuple[list[ImageFile], list[str]]:
    """Gives each image its masks.

    Args:
        root: the folder of everything.
        masks_folder: that of the masks of all classes, below `root`.
        files: the images of a class.
        tested: the folder that they lie in, below `root`.
        class_name: name of the class.

    Returns:
        The images in the same order, and a sentence for what does not go together.
    """
    folder = root / masks_folder
    names, here = entries(folder)
    matching = [name for name in names if name == class_name]
    matching = matching or [name for name in names if same_form(name) == same_form(class_name)]
    if not matching and means(class_name, BAD):
        matching = of_meaning(names, BAD)
    place = os.path.join(masks_folder, *matching[:1]) if matching or not here.images else masks_folder
    found = [(name, path) for name in matching for path in walk(folder, name).images]
    exact: dict[str, list[str]] = {}
    alike: dict[str, list[str]] = {}
    for name, path in found or [("", path) for path in here.images]:
        inside = os.path.relpath(path, name or ".")
        for key in {os.path.splitext(inside)[0], os.path.dirname(inside)} - {""}:
            exact.setdefault(key, []).append(os.path.join(folder, path))
            alike.setdefault(same_form(key), []).append(os.path.join(folder, path))
    stems = [os.path.splitext(os.path.relpath(file.id, tested))[0] for file in files]
    masks = [_named(exact, stem) for stem in stems]
    claimed = set(itertools.chain(*masks))  # by an image of exactly that name, and not by one of another case
    masks = [
        one or [path for path in _named(alike, same_form(stem)) if path not in claimed]
        for one, stem in zip(masks, stems, strict=True)
    ]
    paired = [dataclasses.replace(file, masks=tuple(one)) for file, one in zip(files, masks, strict=True)]
    without = [os.path.relpath(file.id, tested) for file in paired if not file.masks]
    told = [f"{place} has no mask for {some(without)}"] if without else []
    unused = set(itertools.chain(*exact.values())) - set(itertools.chain(*masks))
    if surplus := sorted(os.path.relpath(path, folder) for path in unused):
        told.append(f"{place} has masks without an image: {some(map(os.path.basename, surplus))}")
    return paired, told


def _named(masks: dict[str, list[str]], stem: str) -> list[str]:
    """Those of the masks whose names are `stem` and the first of the endings that there is."""
    return next((masks[stem + ending] for ending in ENDINGS if stem + ending in masks), [])
