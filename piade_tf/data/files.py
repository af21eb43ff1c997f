"""Image files as a data source: listed, read once to check them, then read as they are needed."""

import functools
import hashlib
from collections import Counter

import numpy as np

from piade_tf.data.checked_files import checked_files
from piade_tf.data.decode import decode_file
from piade_tf.data.division import without_test_split
from piade_tf.data.groups import groups_of
from piade_tf.data.image_checks import Checked, Facts, check_images
from piade_tf.data.listing import ImageFile, Listing
from piade_tf.data.mask import SEPARATOR
from piade_tf.data.reading import paths_dataset
from piade_tf.data.source import ImageSet, Source
from piade_tf.errors import InputError
from piade_tf.printable import printable

DEFAULT_SIZE = (256, 256)


def file_source(listing: Listing, bits: int = 0, learn: bool = True, group_by: str | None = None) -> Source:
    """Checks the images of a listing and makes a source of those that can be read.

    Args:
        listing: as `folder` finds it.
        bits: how many the grey images of more than 8 bits use, 8 to 16; 0: as many as their values need.
        learn: whether the images are to be learned from. Otherwise, where no images are set apart for testing, all
            are for testing.
        group_by: which images are not to be parted, as `groups_of` takes it.

    Raises:
        InputError: over a tenth of the images cannot be read, or there are none to learn from.
    """
    if learn and not listing.train:
        raise InputError(
            f"there are no images to learn from ({listing.layout}): put good ones into train/good, or give the test/ "
            "folder itself as --data-dir, where three of every four good images are then learned"
        )
    checked = check_images(listing, bits, group_by is not None)
    listing = checked.listing
    train, test = _parted(listing, group_by)
    fingerprint = _fingerprint([*train, *test], checked.facts)
    if not learn and (not listing.split or not listing.test):
        train, test = [], [*listing.train, *listing.test]
    return Source(
        kind=listing.kind,
        layout=printable(listing.layout),
        train=_image_set(train, checked),
        test=_image_set(test, checked),
        normal_class=printable(listing.normal_class),
        default_size=DEFAULT_SIZE,
        grey=all(checked.facts[file.path].grey for file in train or test),
        kinds=Counter(_kind(checked.facts[file.path]) for file in [*train, *test]),
        fingerprint=fingerprint,
        skipped=checked.skipped,
        bits=checked.bits,
        passed_over=tuple(map(printable, listing.besides.passed_over)),
        warnings=tuple(map(printable, listing.warnings)),
    )


def _parted(listing: Listing, group_by: str | None) -> tuple[list[ImageFile], list[ImageFile]]:
    """The images that a training would learn from and test on."""
    if listing.split:
        return listing.train, listing.test
    files = [*listing.train, *listing.test]
    groups = None
    if group_by is not None:  # only good images are parted, and names of others need not say what belongs together
        own = groups_of([printable(file.id) for file in listing.train], group_by)
        groups = np.append(own, [""] * len(listing.test))
    learned, tested = without_test_split(np.array([int(file.anomalous) for file in files]), groups=groups)
    return [files[i] for i in learned], [files[i] for i in tested]


def _image_set(files: list[ImageFile], checked: Checked) -> ImageSet:
    return ImageSet(
        items=lambda indices: paths_dataset([files[i].path for i in indices]),
        read=checked_files(functools.partial(decode_file, bits=checked.bits)),
        classes=np.array([printable(file.class_name) for file in files], dtype=str),
        labels=np.array([int(file.anomalous) for file in files], dtype="int64"),
        ids=np.array([printable(file.id) for file in files], dtype=object),
        masks=np.array([SEPARATOR.join(file.masks) for file in files], dtype=object),
        sizes=np.array([checked.facts[file.path].size for file in files]),
    )


def _kind(facts: Facts) -> str:
    return f"{facts.size[1]}x{facts.size[0]} {facts.mode}"


def _fingerprint(files: list[ImageFile], facts: dict[str, Facts]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(repr((file.id, file.class_name, file.anomalous)).encode("utf-8", "surrogatepass"))
        digest.update(facts[file.path].digest)
    return digest.hexdigest()
