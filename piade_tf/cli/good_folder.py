"""The images of a folder that a user gives to be learned or calibrated with, all of them new to the run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from piade_tf.cli.find_images import find_images, tell_passed_over
from piade_tf.data.added_images import FolderImages, absolute, folder_images
from piade_tf.data.folders_below import refuse_bad, without_bad
from piade_tf.data.known_images import KnownImage
from piade_tf.data.preparation import Preparation
from piade_tf.errors import InputError
from piade_tf.printable import from_here, printable, some


def images_of(folder: Path, config: dict[str, Any], preparation: Preparation, good: bool) -> FolderImages:
    """Reads and checks all images below a folder, and prints which of them do not count.

    Args:
        folder: as the user gave it.
        config: of the run.
        preparation: of the run.
        good: whether they are given as good: what lies in folders below whose names say bad is then left out.

    Raises:
        InputError: no such folder, no images in it, or one that cannot be read or is of another size or colour; or the
            folder's own name says that what is given as good is bad.
    """
    if not folder.is_dir():
        wrong = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {wrong}; give a folder with images")
    if good:
        refuse_bad(folder, "--good")
    place = absolute(folder)
    found = find_images((place,))
    tell_passed_over(found)
    if found.unread:
        path, reason = found.unread[0]
        raise InputError(f"{printable(from_here(path))} {reason}; mend it or take it out")
    paths, told = without_bad(found.paths, place) if good else (found.paths, [])
    for line in told:
        print(f"warning: {printable(line)}")
    if not paths:
        raise InputError(f"{folder} holds no images but in folders whose names say that they are not good; give others")
    any_colour = config["options"]["data"]["channels"] != "auto"
    images = folder_images(paths, preparation, config.get("kinds", {}), any_colour)
    if equal := len(paths) - len(images.paths):
        print(f"note: {equal} of {len(paths)} images in {folder} are equal to others of them and left out")
    return images


def refuse_anomalous(folder: Path, found: FolderImages, known: Sequence[KnownImage], anomalous: set[str]) -> None:
    """Raises `InputError` where one of the images is an anomalous test image of the run.

    Args:
        folder: as the user gave it.
        found: its images.
        known: what the run knows of its images.
        anomalous: the names of its anomalous test images.
    """
    to_find = {one.digest: one.image for one in known if one.split == "test" and one.image in anomalous}
    pairs = zip(found.paths, found.digests, strict=True)
    if wrong := [f"{from_here(path)} ({to_find[digest]})" for path, digest in pairs if digest in to_find]:
        raise InputError(
            f"{len(wrong)} images in {folder} are anomalous test images of the run: {some(wrong)}; take them out: "
            "a defect that is taught as good is never found again"
        )


def new_images(folder: Path, found: FolderImages, known: Sequence[KnownImage]) -> FolderImages:
    """Those that the run has not learned from or calibrated with yet; prints how many it has.

    Raises:
        InputError: none is new.
    """
    seen = {one.digest for one in known if one.split != "test"}
    new = found.without(seen)
    if not new.paths:
        raise InputError(
            f"{folder} holds nothing new: all {len(found.paths)} images in it are known to the run already; give others"
        )
    doubled = len(found.paths) - len(new.paths)
    if doubled:
        print(f"note: {doubled} of {len(found.paths)} images in {folder} are known to the run already and left out")
    return new
