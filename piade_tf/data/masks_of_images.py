"""Which mask in a folder belongs to which image, by names: as MVTec AD, VisA, LOCO and others have them."""

import dataclasses
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
    matching = [name for name in names if same_form(name) == same_form(class_name)]
    if not matching and means(class_name, BAD):
        matching = of_meaning(names, BAD)
    place = os.path.join(masks_folder, *matching[:1]) if matching or not here.images else masks_folder
    found = [(name, path) for name in matching for path in walk(folder, name).images]
    masks: dict[str, list[str]] = {}
    for name, path in found or [("", path) for path in here.images]:
        inside = os.path.relpath(path, name or ".")
        nested = os.path.dirname(inside)
        for key in {same_form(os.path.splitext(inside)[0]), same_form(nested)} - {""}:
            masks.setdefault(key, []).append(os.path.join(folder, path))
    paired: list[ImageFile] = []
    without: list[str] = []
    used: set[str] = set()
    for file in files:
        stem = same_form(os.path.splitext(os.path.relpath(file.id, tested))[0])
        key = next((stem + ending for ending in ENDINGS if stem + ending in masks), "")
        if not key:
            without.append(os.path.relpath(file.id, tested))
        else:
            used.update(masks[key])
            file = dataclasses.replace(file, masks=tuple(masks[key]))
        paired.append(file)
    told = [f"{place} has no mask for {some(without)}"] if without else []
    every = {path for paths in masks.values() for path in paths}
    if surplus := sorted(os.path.relpath(path, folder) for path in every - used):
        told.append(f"{place} has masks without an image: {some(map(os.path.basename, surplus))}")
    return paired, told
