"""From a data set's name and folder to the four splits of uint8 images."""

from pathlib import Path

from piade_tf.config import DataConfig
from piade_tf.data import digits, idx, tfds_source
from piade_tf.data.pipeline import batches
from piade_tf.data.splits import DataSplits, LabelledImages, LabelledSplit, Split, one_class_splits
from piade_tf.errors import InputError

__all__ = ["DataSplits", "LabelledSplit", "Split", "batches", "load_data"]

CLASS_NAMES = {
    "digits": digits.CLASS_NAMES,
    "mnist": digits.CLASS_NAMES,
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}


def load_data(config: DataConfig, seed: int) -> DataSplits:
    """Loads a data set and divides it.

    Args:
        config: which data set, which class is normal, where the files are.
        seed: decides which normal images are held out.

    Raises:
        InputError: the data cannot be had, or the class does not exist.
    """
    image_size = config.image_size
    if config.dataset == "digits":
        train, test = digits.load()
        image_size = image_size or digits.DEFAULT_IMAGE_SIZE
    else:
        train, test = _load_idx_or_tfds(config.dataset, config.data_dir)
    names = CLASS_NAMES[config.dataset]
    return one_class_splits(train, test, names, config.normal_class, image_size, seed)


def _load_idx_or_tfds(name: str, data_dir: Path | None) -> tuple[LabelledImages, LabelledImages]:
    if data_dir is None:
        return tfds_source.load(name, None)
    if not data_dir.is_dir():
        found = "is a file" if data_dir.exists() else "does not exist"
        raise InputError(f"--data-dir {data_dir} {found}; give the folder that holds {name}")
    if not any(data_dir.iterdir()):
        raise InputError(f"--data-dir {data_dir} is empty; give the folder that holds {name}")
    if idx.files_present(data_dir):
        return idx.load(data_dir)
    return tfds_source.load(name, data_dir)
