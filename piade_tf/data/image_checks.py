"""Reading every file once, before an hour of training is spent: what is unreadable, doubled, or odd."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from piade_tf.data.decode import UnreadableImageError, decode, decode_file, grey_in_colour, read_content
from piade_tf.data.folder import ImageFile, Listing, printable
from piade_tf.data.source import Skipped
from piade_tf.errors import InputError
from piade_tf.progress import track

MOST_UNREADABLE = 0.1
NAMES_SHOWN = 5
IN_FLIGHT = 1000


class UnreadableImagesError(InputError):
    """Too many images cannot be read.

    Attributes:
        skipped: all of them, with the reasons.
    """

    def __init__(self, skipped: tuple[Skipped, ...], message: str):
        super().__init__(message)
        self.skipped = skipped


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an image that was read.

    Attributes:
        size: `(height, width)` in pixels.
        grey: whether it has no colour.
        mode: of the file, as Pillow calls it.
        digest: of the file's bytes.
    """

    size: tuple[int, int]
    grey: bool
    mode: str
    digest: bytes


@dataclasses.dataclass(frozen=True)
class Checked:
    """A listing without what could not be read.

    Attributes:
        listing: what is left, with the warnings of the check.
        facts: of each image by its path.
        skipped: what was left out.
    """

    listing: Listing
    facts: dict[str, Facts]
    skipped: tuple[Skipped, ...]


def check_images(listing: Listing) -> Checked:
    """Reads every image and every mask of a listing.

    Raises:
        InputError: over a tenth of the images cannot be read.
    """
    files = [*listing.train, *listing.test]
    facts, skipped = {}, []
    for file, result in zip(files, _in_threads(_facts, [file.path for file in files], "reading images"), strict=True):
        if isinstance(result, str):
            skipped.append(Skipped(printable(file.id), result))
        else:
            facts[file.path] = result
    if skipped and len(skipped) > MOST_UNREADABLE * len(files):
        first = skipped[0]
        raise UnreadableImagesError(
            tuple(skipped),
            f"{len(skipped)} of {len(files)} images cannot be read, more than a tenth; the first, {first.path}, "
            f"{first.reason}; mend or remove them (inspect-data lists them)",
        )
    test, bad_masks, mask_warnings = _check_masks([file for file in listing.test if file.path in facts], facts)
    train = [file for file in listing.train if file.path in facts]
    warnings = [*listing.warnings, *mask_warnings, *_duplicates(train, test, facts)]
    if skipped:
        warnings.insert(0, f"{len(skipped)} of {len(files)} images cannot be read and are skipped: "
                        f"{_shown(f'{one.path} {one.reason}' for one in skipped)}")  # fmt: skip
    kept = dataclasses.replace(listing, train=train, test=test, warnings=warnings)
    return Checked(kept, facts, (*skipped, *bad_masks))


def _facts(path: str) -> Facts | str:
    try:
        content = read_content(path)
        pixels, mode = decode(content)
    except UnreadableImageError as error:
        return str(error)
    digest = hashlib.blake2b(content, digest_size=16).digest()
    return Facts(pixels.shape[:2], grey_in_colour(pixels), mode, digest)


def _check_masks(files: list[ImageFile], facts: dict[str, Facts]) -> tuple[list[ImageFile], list[Skipped], list[str]]:
    """The files, without the masks that cannot be read, and what is odd about the others."""
    masked = [file for file in files if file.mask]
    results = dict(zip((file.path for file in masked), _in_threads(_mask_facts, [f.mask for f in masked],
                                                                   "reading masks"), strict=True))  # fmt: skip
    kept, skipped, empty, other_shape = [], [], [], []
    for file in files:
        result = results.get(file.path)
        if isinstance(result, str):
            skipped.append(Skipped(printable(file.mask), result))
            file = dataclasses.replace(file, mask="")
        elif result is not None:
            (height, width), any_anomalous = result
            image_height, image_width = facts[file.path].size
            if not any_anomalous:
                empty.append(printable(file.id))
            if abs(height * image_width - width * image_height) > 0.01 * height * image_width:
                other_shape.append(f"{printable(file.id)} ({width}x{height} for {image_width}x{image_height})")
        kept.append(file)
    warnings = []
    if skipped:
        warnings.append(f"{len(skipped)} masks cannot be read and are left out: "
                        f"{_shown(f'{one.path} {one.reason}' for one in skipped)}")  # fmt: skip
    if empty:
        warnings.append(f"{len(empty)} anomalous images have a mask that is all black: {_shown(empty)}")
    if other_shape:
        warnings.append(f"{len(other_shape)} masks have another aspect ratio than their image: {_shown(other_shape)}")
    return kept, skipped, warnings


def _mask_facts(path: str) -> tuple[tuple[int, int], bool] | str:
    try:
        mask = decode_file(path)
    except UnreadableImageError as error:
        return str(error)
    return mask.shape[:2], bool(np.any(mask > 127))


def _duplicates(train: list[ImageFile], test: list[ImageFile], facts: dict[str, Facts]) -> list[str]:
    """Images that are the same file, byte for byte."""
    warnings = []
    by_digest: dict[bytes, str] = {}
    doubled: Counter[str] = Counter()
    for file in train:
        first = by_digest.setdefault(facts[file.path].digest, file.id)
        if first != file.id:
            doubled[f"{printable(file.id)} = {printable(first)}"] += 1
    if doubled:
        warnings.append(f"{len(doubled)} training images are doubled: {_shown(doubled)}")
    leaks = [
        f"{printable(file.id)} = {printable(by_digest[facts[file.path].digest])}"
        for file in test
        if facts[file.path].digest in by_digest
    ]
    if leaks:
        warnings.append(f"LEAK: {len(leaks)} test images are among the training images: {_shown(leaks)}")
    seen: dict[bytes, str] = {}
    doubled.clear()
    for file in test:
        first = seen.setdefault(facts[file.path].digest, file.id)
        if first != file.id:
            doubled[f"{printable(file.id)} = {printable(first)}"] += 1
    if doubled:
        warnings.append(f"{len(doubled)} test images are doubled: {_shown(doubled)}")
    return warnings


def _in_threads(function, paths: list[str], what: str) -> list:
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without holding Python's lock
        groups = (paths[at : at + IN_FLIGHT] for at in range(0, len(paths), IN_FLIGHT))
        results = (result for group in groups for result in pool.map(function, group))
        return list(track(results, len(paths), what))


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - NAMES_SHOWN
    return "; ".join(listed[:NAMES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
