"""From the images of a source to a split of prepared ones, decoded as they are asked for."""

import dataclasses
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from piade_tf.data.checked_files import checked_files
from piade_tf.data.decode import UnreadableImageError
from piade_tf.data.jitter import jittered
from piade_tf.data.mask import read_masks
from piade_tf.data.preparation import Preparation
from piade_tf.data.source import ImageSet
from piade_tf.data.splits import LabelledSplit, Split
from piade_tf.errors import InputError

READ_TOGETHER = 64  # items


def split_of(images: ImageSet, indices: np.ndarray, preparation: Preparation) -> Split:
    """The images at `indices`, `(n,)`, prepared.

    Raises:
        InputError: one is too long and thin for `--resize crop`.
    """
    return Split(**_prepared(images, indices, preparation))


def labelled_split(images: ImageSet, preparation: Preparation) -> LabelledSplit:
    """All images of a set, prepared, with their labels and masks; raises as `split_of`."""
    every = np.arange(len(images.labels))
    masks_known = np.zeros(len(every), bool) if images.masks is None else images.masks != ""
    return LabelledSplit(
        **_prepared(images, every, preparation),
        labels=images.labels,
        classes=images.classes,
        masks=_masks(images, preparation),
        has_mask=(images.labels == 0) | masks_known,
        in_own_size=_in_own_size(images, preparation),
    )


def images_at(split: Split, indices: np.ndarray) -> np.ndarray:
    """The images or masks at those places, in that order, `(n, height, width, ...)`; no other is decoded."""
    if not len(indices):
        return np.empty((0, *split.images.element_spec.shape), "uint8")
    wanted = np.zeros(split.count, bool)
    wanted[indices] = True
    found, start = [], 0
    for batch in split.items.batch(READ_TOGETHER).as_numpy_iterator():
        found.extend(batch[wanted[start : start + len(batch)]])
        start += len(batch)
        if start > max(indices):
            break
    found = [found[place] for place in np.searchsorted(np.flatnonzero(wanted), indices)]
    if split.read is None:
        return np.stack(found)
    spec = split.items.element_spec  # to name the type: NumPy would cut the zeros off the end of a file's content
    items = tf.constant(found, spec.dtype, [len(found), *spec.shape])
    return np.stack(list(split.decoded(tf.data.Dataset.from_tensor_slices(items)).as_numpy_iterator()))


def paths_dataset(paths: Iterable[str]) -> tf.data.Dataset:
    """Paths as bytes: names need not be valid Unicode."""
    return tf.data.Dataset.from_tensor_slices(tf.constant([os.fsencode(path) for path in paths], tf.string))


def only(dataset: tf.data.Dataset, wanted: np.ndarray) -> tf.data.Dataset:
    """The elements for which `wanted`, `(n,)`, bool, is true, of the first n; in order."""
    numbered = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(wanted), dataset)
    kept = numbered.filter(_first).map(_second)
    return kept.apply(tf.data.experimental.assert_cardinality(int(wanted.sum())))


def chosen_from(split: LabelledSplit, kept: np.ndarray) -> LabelledSplit:
    """The images for which `kept`, `(count,)`, bool, is true, with what is known of them."""
    masks, whole, places = split.masks, split.in_own_size, np.flatnonzero(kept)
    return dataclasses.replace(
        split,
        in_own_size=None if whole is None else lambda index, anomaly_map: whole(int(places[index]), anomaly_map),
        items=only(split.items, kept),
        count=int(kept.sum()),
        masks=None if masks is None else dataclasses.replace(masks, items=only(masks.items, kept), count=kept.sum()),
        **{name: getattr(split, name)[kept] for name in ("ids", "labels", "classes", "has_mask")},
    )


def _prepared(images: ImageSet, indices: np.ndarray, preparation: Preparation) -> dict[str, Any]:
    decode = images.read or _as_it_is

    def read(item):
        pixels = tf.numpy_function(lambda content: preparation(decode(content)), [item], tf.uint8)
        return tf.ensure_shape(pixels, preparation.shape)

    def read_jittered(item, seed):
        pixels = tf.numpy_function(
            lambda content, number: jittered(decode(content), preparation, np.random.default_rng(number)),
            [item, seed],
            tf.uint8,
        )
        return tf.ensure_shape(pixels, preparation.shape)

    def all_jittered(seed: int, rows: range | None = None) -> tf.data.Dataset:
        rows = range(len(indices)) if rows is None else rows
        seeds = tf.data.Dataset.range(seed * len(indices), (seed + 1) * len(indices))
        some = tf.data.Dataset.zip(items, seeds).skip(rows.start).take(len(rows))
        return some.map(read_jittered, num_parallel_calls=tf.data.AUTOTUNE)

    if images.sizes is not None and preparation.resize == "crop":
        for name, sides in zip(images.ids[indices], images.sizes[indices].tolist(), strict=True):
            try:
                preparation.kept(sides)
            except UnreadableImageError as error:
                raise InputError(f"{name} {error}") from None
    items = images.items(indices)
    as_it_is = images.read is None and items.element_spec.shape == preparation.shape
    return {
        "items": items,
        "count": len(indices),
        "read": None if as_it_is else read,
        "jittered": all_jittered,
        "item_bytes": images.item_bytes,
        "ids": images.ids[indices],
    }


def _as_it_is(pixels: np.ndarray) -> np.ndarray:
    return pixels


def _masks(images: ImageSet, preparation: Preparation) -> Split | None:
    if images.masks is None or not np.any(images.masks != ""):
        return None
    blank = np.zeros(preparation.shape[:2], "uint8")

    read_known = checked_files(read_masks)

    def prepared(paths):
        return preparation.mask(read_known(paths)) if paths else blank

    def read(path):
        return tf.ensure_shape(tf.numpy_function(prepared, [path], tf.uint8), preparation.shape[:2])

    return Split(paths_dataset(images.masks), len(images.masks), read)


def _in_own_size(
    images: ImageSet, preparation: Preparation
) -> Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]] | None:
    masks, sizes = images.masks, images.sizes
    if masks is None or sizes is None or not np.any(masks != "") or np.all(sizes == preparation.shape[:2]):
        return None
    read_known = checked_files(read_masks)

    def in_own_size(index: int, anomaly_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = sizes[index].tolist()
        mask = read_known(os.fsencode(masks[index]))[..., 0] > 0 if masks[index] else np.zeros((height, width), bool)
        return preparation.undone(anomaly_map, mask.shape), mask

    return in_own_size


def _first(keep, _element):
    return keep


def _second(_keep, element):
    return element
