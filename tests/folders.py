"""Folders of drawn pictures, as users have them."""

import numpy as np
import pytest
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import find_source, load_data
from piade_tf.errors import InputError

SIDE = 32


def picture(seed, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), "uint8")
    return Image.fromarray(pixels).convert(mode)


def write(root, names, mode="RGB"):
    """An image of its own at each path."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(abs(hash(str(name))) % 2**32, mode).save(path)


def numbered(folder, count, suffix=".png"):
    return [f"{folder}/{i:03d}{suffix}".lstrip("/") for i in range(count)]


def mask(path, fill=255, size=(SIDE, SIDE)):
    """A mask with a defect, at another place for another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(size, "uint8")
    pixels[4:10, 6 : 9 + sum(map(ord, path.name + path.parent.name)) % 7] = fill
    Image.fromarray(pixels).save(path)


def load(root, **options):
    return load_data(DataConfig("folder", root, image_size=(28,), **options), seed=0)


def refuses(message, function, *arguments, **options):
    with pytest.raises(InputError, match=message) as excinfo:
        function(*arguments, **options)
    assert "\n" not in str(excinfo.value)
    return excinfo.value


def files_below(root):
    return {str(path.relative_to(root)): path.lstat().st_mtime_ns for path in root.rglob("*")}


def counts(root, learn=True, **options):
    """Images to learn from, normal and anomalous ones to test on."""
    source = find_source(DataConfig("folder", root, **options), learn)
    return len(source.train.labels), int((source.test.labels == 0).sum()), int(source.test.labels.sum())
