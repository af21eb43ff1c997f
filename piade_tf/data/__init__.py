"""From a data set's name and folder to the four splits of uint8 images."""

from pathlib import Path

from piade_tf.config import DataConfig
from piade_tf.data import digits, idx, tfds_source
from piade_tf.data.arrays import LabelledImages, one_class_source
from piade_tf.data.caching import with_cache
from piade_tf.data.files import file_source
from piade_tf.data.folder import list_btad, list_images, list_mvtec
from piade_tf.data.pipeline import batches
from piade_tf.data.preparation import Preparation
from piade_tf.data.splits import DataSplits, LabelledSplit, Source, Split, divide
from piade_tf.errors import InputError

__all__ = ["DataSplits", "LabelledSplit", "Split", "batches", "divide_source", "find_source", "load_data"]

TFDS_PREFIX = "tfds:"
IN_MEMORY = {
    "mnist": digits.CLASS_NAMES,
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}
FILES = {"folder", "mvtec", "btad"}
NAMES = ("digits", "folder", "mvtec", "btad", *IN_MEMORY, tfds_source.COIL100, f"{TFDS_PREFIX}NAME")


def load_data(config: DataConfig, seed: int) -> DataSplits:
    """Loads a data set and divides it.

    Args:
        config: which data set, which class is normal, where the files are, the size of the images.
        seed: decides which normal images are held out.

    Raises:
        InputError: the data cannot be had, are not what they should be, or the class does not exist.
    """
    return with_cache(divide_source(find_source(config), config, seed), config.cache)


def divide_source(source: Source, config: DataConfig, seed: int) -> DataSplits:
    """The four splits of a source, prepared as the options say; see `load_data`."""
    return divide(source, Preparation.from_options(config, source.default_size, source.grey), seed)


def find_source(config: DataConfig) -> Source:
    """The images of a data set with their labels, before any are held out.

    Raises:
        InputError: as `load_data`.
    """
    name, root = config.dataset, config.data_dir
    if name in FILES:
        if root is None:
            raise InputError(f"--dataset {name} needs --data-dir, the folder that holds the images")
        if name == "folder":
            return file_source(list_images(root, config.normal_class))
        return file_source((list_mvtec if name == "mvtec" else list_btad)(root, config.category))
    if name == "digits":
        train, test = digits.load()
        source = one_class_source(train, test, digits.CLASS_NAMES, config.normal_class, "scikit-learn's digits")
        return digits.enlarged(source)
    if name in IN_MEMORY:
        train, test = _load_idx_or_tfds(name, root)
        return one_class_source(train, test, IN_MEMORY[name], config.normal_class, f"{name}, its own split")
    if name == tfds_source.COIL100 or name.startswith(TFDS_PREFIX):
        _check_data_dir(name, root)
        name = name.removeprefix(TFDS_PREFIX)
        return tfds_source.stream(name, root, config.normal_class, config.label_key)
    raise InputError(f"--dataset: no data set {name!r}; choose one of {', '.join(NAMES)}")


def _check_data_dir(name: str, data_dir: Path | None) -> None:
    if data_dir is None:
        return
    if not data_dir.is_dir():
        found = "is a file" if data_dir.exists() else "does not exist"
        raise InputError(f"--data-dir {data_dir} {found}; give the folder that holds {name}")
    if not any(data_dir.iterdir()):
        raise InputError(f"--data-dir {data_dir} is empty; give the folder that holds {name}")


def _load_idx_or_tfds(name: str, data_dir: Path | None) -> tuple[LabelledImages, LabelledImages]:
    _check_data_dir(name, data_dir)
    if data_dir is not None and name != "cifar10" and idx.files_present(data_dir):
        return idx.load(data_dir)
    return tfds_source.load(name, data_dir)
