"""Image files as a data source: listed, read once to check them, then read as they are needed."""

import hashlib
from collections import Counter

import numpy as np

from piade_tf.data.decode import decode_file
from piade_tf.data.division import without_test_split
from piade_tf.data.folder import ImageFile, Listing, printable
from piade_tf.data.image_checks import Facts, check_images
from piade_tf.data.reading import paths_dataset
from piade_tf.data.source import ImageSet, Source

DEFAULT_SIZE = (256, 256)


def file_source(listing: Listing) -> Source:
    """Checks the images of a listing and makes a source of those that can be read.

    Args:
        listing: as `folder` finds it.

    Raises:
        InputError: over a tenth of the images cannot be read.
    """
    checked = check_images(listing)
    listing = checked.listing
    train, test = listing.train, listing.test
    if not listing.split:
        files = [*train, *test]
        learned, tested = without_test_split(np.array([int(file.anomalous) for file in files]))
        train, test = [files[i] for i in learned], [files[i] for i in tested]
    return Source(
        kind=listing.kind,
        layout=listing.layout,
        train=_image_set(train),
        test=_image_set(test),
        normal_class=listing.normal_class,
        default_size=DEFAULT_SIZE,
        grey=all(checked.facts[file.path].grey for file in train),
        kinds=Counter(_kind(checked.facts[file.path]) for file in [*train, *test]),
        fingerprint=_fingerprint([*train, *test], checked.facts),
        skipped=checked.skipped,
        warnings=tuple(listing.warnings),
    )


def _image_set(files: list[ImageFile]) -> ImageSet:
    return ImageSet(
        items=lambda indices: paths_dataset([files[i].path for i in indices]),
        read=decode_file,
        classes=np.array([file.class_name for file in files], dtype=str),
        labels=np.array([int(file.anomalous) for file in files], dtype="int64"),
        ids=np.array([printable(file.id) for file in files], dtype=object),
        masks=np.array([file.mask for file in files], dtype=object),
    )


def _kind(facts: Facts) -> str:
    return f"{facts.size[1]}x{facts.size[0]} {facts.mode}"


def _fingerprint(files: list[ImageFile], facts: dict[str, Facts]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(repr((file.id, file.class_name, file.anomalous)).encode("utf-8", "surrogatepass"))
        digest.update(facts[file.path].digest)
    return digest.hexdigest()
