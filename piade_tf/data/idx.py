"""The IDX format of MNIST and its kin: four gzip files."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from piade_tf.data.arrays import LabelledImages
from piade_tf.errors import InputError

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
UBYTE_MAGIC = b"\x00\x00\x08"
MAX_BYTES = 1 << 30
CLASSES = 10


def files_present(folder: Path) -> list[str]:
    """Names of those of the four files that lie in `folder`."""
    return [name for names in FILES.values() for name in names if (folder / name).is_file()]


def load(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """Training and test images of a folder with the four files.

    Raises:
        InputError: a file is missing, cut short or not what its name says.
    """
    train, test = (_read_pair(folder / images, folder / labels) for images, labels in FILES.values())
    if train.images.shape[1:] != test.images.shape[1:]:
        raise InputError(f"{folder}: training images are {train.images.shape[1:3]} and test images another size")
    return train, test


def _read_pair(image_path: Path, label_path: Path) -> LabelledImages:
    images, labels = read(image_path, axes=3), read(label_path, axes=1)
    if len(images) != len(labels):
        raise InputError(f"{image_path} has {len(images)} images but {label_path.name} {len(labels)} labels")
    if len(labels) and labels.max() >= CLASSES:
        raise InputError(f"{label_path} has a label {labels.max()}, but there are {CLASSES} classes; fetch it again")
    return LabelledImages(images[..., None], labels.astype("int64"))


def read(path: Path, axes: int) -> np.ndarray:
    """Reads one `.gz` file of unsigned bytes.

    Args:
        path: the file.
        axes: number of axes expected, 3 for images and 1 for labels.

    Returns:
        uint8 array with that many axes.

    Raises:
        InputError: the file is missing, cut short or no IDX file of unsigned bytes.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; fetch it, or give another --data-dir") from None
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error}); fetch it again") from None
    header = 4 + 4 * axes
    if len(content) > MAX_BYTES or content[:4] != UBYTE_MAGIC + bytes([axes]) or len(content) < header:
        raise InputError(f"{path} is no IDX file of unsigned bytes with {axes} axes; fetch it again")
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4)]
    if len(content) - header != math.prod(shape):
        raise InputError(
            f"{path} is cut short or too long: its header tells of {math.prod(shape)} bytes, "
            f"{len(content) - header} came; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
