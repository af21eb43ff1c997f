"""The data sets by name, each with what it says of itself before any image is read."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from piade_tf.config import DataConfig
from piade_tf.data import digits, idx, tfds_source
from piade_tf.data.arrays import ENLARGED, LabelledImages, one_class_source
from piade_tf.data.files import DEFAULT_SIZE, file_source
from piade_tf.data.folder import list_btad, list_images, list_mvtec
from piade_tf.data.source import Source
from piade_tf.errors import InputError

TFDS_PREFIX = "tfds:"
FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A data set.

    Attributes:
        find: its images, by the options and by whether they are to be learned from.
        side: the shorter side of its images at their default size, in pixels; None: known when they are read.
    """

    find: Callable[[DataConfig, bool], Source]
    side: int | None = None


def entry_of(config: DataConfig) -> Entry:
    """The data set that the options name.

    Raises:
        InputError: there is none of that name.
    """
    if config.dataset.startswith(TFDS_PREFIX):
        return Entry(_streamed)
    if config.dataset not in ENTRIES:
        raise InputError(f"--dataset: no data set {config.dataset!r}; choose one of {', '.join(NAMES)}")
    return ENTRIES[config.dataset]


def side_of(config: DataConfig) -> int | None:
    """The shorter side of the images that the network will see, in pixels, as far as it is known before any is read."""
    sides = config.crop or config.image_size
    return min(sides) if sides else entry_of(config).side


def _digits(config: DataConfig, _learn: bool) -> Source:
    train, test = digits.load()
    source = one_class_source(train, test, digits.CLASS_NAMES, config.normal_class, "scikit-learn's digits")
    return digits.enlarged(source)


def _folder(config: DataConfig, learn: bool) -> Source:
    return file_source(list_images(_root(config), config.normal_class), config.bits, learn, config.group_by)


def _mvtec(config: DataConfig, learn: bool) -> Source:
    listing = list_mvtec(_root(config), config.category, config.normal_class)
    return file_source(listing, config.bits, learn, config.group_by)


def _btad(config: DataConfig, learn: bool) -> Source:
    listing = list_btad(_root(config), config.category, config.normal_class)
    return file_source(listing, config.bits, learn, config.group_by)


def _root(config: DataConfig) -> Path:
    if config.data_dir is None:
        raise InputError(f"--dataset {config.dataset} needs --data-dir, the folder that holds the images")
    return config.data_dir


def _in_memory(class_names: tuple[str, ...], idx_files: bool = False) -> Callable[[DataConfig, bool], Source]:
    def find(config: DataConfig, _learn: bool) -> Source:
        name, root = config.dataset, config.data_dir
        _check_data_dir(name, root)
        pair: tuple[LabelledImages, LabelledImages]
        if idx_files and root is not None and idx.files_present(root):
            pair = idx.load(root)
        else:
            pair = tfds_source.load(name, root)
        return one_class_source(*pair, class_names, config.normal_class, f"{name}, its own split")

    return find


def _streamed(config: DataConfig, _learn: bool) -> Source:
    _check_data_dir(config.dataset, config.data_dir)
    name = config.dataset.removeprefix(TFDS_PREFIX)
    return tfds_source.stream(name, config.data_dir, config.normal_class, config.label_key)


def _check_data_dir(name: str, data_dir: Path | None) -> None:
    if data_dir is None:
        return
    if not data_dir.is_dir():
        found = "is a file" if data_dir.exists() else "does not exist"
        raise InputError(f"--data-dir {data_dir} {found}; give the folder that holds {name}")
    if not any(data_dir.iterdir()):
        raise InputError(f"--data-dir {data_dir} is empty; give the folder that holds {name}")


ENTRIES = {
    "digits": Entry(_digits, min(digits.DEFAULT_SIZE)),
    "folder": Entry(_folder, min(DEFAULT_SIZE)),
    "mvtec": Entry(_mvtec, min(DEFAULT_SIZE)),
    "btad": Entry(_btad, min(DEFAULT_SIZE)),
    "mnist": Entry(_in_memory(digits.CLASS_NAMES, idx_files=True), 28),
    "fashion_mnist": Entry(_in_memory(FASHION_CLASSES, idx_files=True), 28),
    "cifar10": Entry(_in_memory(CIFAR10_CLASSES), ENLARGED),
    tfds_source.COIL100: Entry(_streamed, 128),
}
NAMES = (*ENTRIES, f"{TFDS_PREFIX}NAME")
