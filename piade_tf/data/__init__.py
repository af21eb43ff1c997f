"""From a data set's name and folder to four splits of uint8 images: train, validation, calibration and test.

Options of the data come in and nothing else; the other rooms take splits, or batches of them.
"""

from piade_tf.config import DataConfig
from piade_tf.data.caching import with_cache
from piade_tf.data.catalogue import entry_of
from piade_tf.data.division import divide
from piade_tf.data.pipeline import batches
from piade_tf.data.preparation import Preparation
from piade_tf.data.source import Source
from piade_tf.data.splits import DataSplits, LabelledSplit, Split

__all__ = ["DataSplits", "LabelledSplit", "Split", "batches", "divide_source", "find_source", "load_data"]


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
    preparation = Preparation.from_options(config, source.default_size, source.grey, source.bits)
    return divide(source, preparation, seed, config.group_by)


def find_source(config: DataConfig, learn: bool = True) -> Source:
    """The images of a data set with their labels, before any are held out.

    Args:
        config: which data set, which class is normal, where the files are.
        learn: whether to learn from them. Otherwise files that no test folder sets apart are all for testing.

    Raises:
        InputError: as `load_data`.
    """
    return entry_of(config).find(config, learn)
