"""Caching: where decoded images are kept, and that it changes nothing but the time."""

import dataclasses
import gc
import tempfile

import numpy as np
import psutil
import pytest
import tensorflow as tf
from threads_as_workers import together

from piade_tf.data import batches, caching, pipeline
from piade_tf.data.caching import place_for, shuffled_alike, with_cache
from piade_tf.data.splits import DataSplits, LabelledSplit, Split

GIB = 1 << 30


@pytest.mark.parametrize(
    "size, memory, disk, place",
    [
        (1 * GIB, 8 * GIB, 0, "memory"),
        (2 * GIB, 8 * GIB, 100 * GIB, "disk"),
        (2 * GIB, 8 * GIB, 3 * GIB, "none"),
    ],
)
def test_the_place_follows_the_measured_size(size, memory, disk, place):
    assert place_for(size, memory, disk) == place


class Counted:
    """Splits whose images count how often they are decoded."""

    def __init__(self):
        self.decoded = 0

    def read(self, item):
        def decode(value):
            self.decoded += 1
            return np.full((4, 4, 1), value, "uint8")

        pixels = tf.numpy_function(decode, [item], tf.uint8)
        pixels.set_shape((4, 4, 1))
        return pixels

    def splits(self):
        def split(count, kind=Split):
            return kind(tf.data.Dataset.range(count), count, self.read, 8)

        test = split(5, LabelledSplit)
        return DataSplits(split(30), split(7), split(7), test, "up", (4, 4, 1), "0" * 64)


def epochs(split):
    return [np.concatenate(list(batches(split, 8, 3).as_numpy_iterator())) for _ in range(2)]


@pytest.mark.parametrize("cache, decoded", [("memory", 37), ("disk", 37), ("none", 2 * 37), ("auto", 37)])
def test_a_cache_decodes_once_and_gives_the_same_batches(cache, decoded):
    counted = Counted()
    plain = [epochs(split) for split in (counted.splits().train, counted.splits().validation)]
    counted.decoded = 0
    data = with_cache(counted.splits(), cache)
    for split, expected in zip((data.train, data.validation), plain, strict=True):
        np.testing.assert_array_equal(epochs(split), expected)
    assert counted.decoded == decoded


def test_workers_that_keep_images_in_different_places_shuffle_them_alike(monkeypatch):
    monkeypatch.setattr(pipeline, "SHUFFLE_BUFFER_BYTES", 4 * 4 * 4)  # four images

    def of_places(*places):
        def shuffled(workers):
            return epochs(shuffled_alike(with_cache(Counted().splits(), places[workers.index]), workers).train)

        return together(len(places), shuffled)

    first, *others = of_places("memory", "disk", "none")
    for other in others:
        np.testing.assert_array_equal(other, first)
    np.testing.assert_array_equal(of_places("memory")[0], epochs(with_cache(Counted().splits(), "memory").train))


def test_images_in_memory_as_they_are_need_no_cache():
    images = tf.data.Dataset.from_tensor_slices(np.zeros((9, 4, 4, 1), "uint8"))
    data = dataclasses.replace(Counted().splits(), train=Split(images, 9))
    assert with_cache(data, "auto") is data


def test_auto_looks_at_free_memory_and_disk(monkeypatch):
    memory = type("Memory", (), {"available": 100})()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    chosen = []
    monkeypatch.setattr(caching, "_cached", lambda split, data, folder, name: chosen.append(folder) or split)
    with_cache(Counted().splits(), "auto")
    assert len(chosen) == 2 and all(folder is not None for folder in chosen)


def test_the_cache_on_disk_goes_with_the_data(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = with_cache(Counted().splits(), "disk")
    epochs(data.train)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
    del data
    gc.collect()
    assert not list(tmp_path.iterdir())
