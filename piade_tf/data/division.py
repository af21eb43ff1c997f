"""Which normal images are learned and which are held out."""

import dataclasses

import numpy as np

from piade_tf.data.groups import groups_of, held_out_groups
from piade_tf.data.preparation import Preparation
from piade_tf.data.reading import labelled_split, split_of
from piade_tf.data.source import Source
from piade_tf.data.splits import DataSplits
from piade_tf.errors import InputError

HELD_OUT_SHARE, HELD_OUT_SHARE_OF_FEW, FEW = 0.1, 0.2, 100
HELD_OUT_MOST = 300  # enough to promise one false alarm in 300; what is beyond serves training better
LEAST_IMAGES = 5
TEST_EVERY = 4  # of the normal images, where a source has no test split of its own


def divide(source: Source, preparation: Preparation, seed: int, group_by: str | None = None) -> DataSplits:
    """The protocol: learn from normal images, of which some are held out, and test on all kinds.

    Args:
        source: the images.
        preparation: to one size and number of channels.
        seed: decides which images are held out.
        group_by: which images are not to be parted, as `groups_of` takes it.

    Raises:
        InputError: too few normal images or groups.
    """
    normal = np.flatnonzero(source.train.labels == 0)
    groups = None if group_by is None else groups_of(source.train.ids[normal].tolist(), group_by)
    parts = hold_out(len(normal), seed, groups)
    train, validation, calibration = (split_of(source.train, normal[indices], preparation) for indices in parts)
    if groups is not None:
        train, validation, calibration = (
            dataclasses.replace(split, groups=groups[indices])
            for split, indices in zip((train, validation, calibration), parts, strict=True)
        )
    return DataSplits(
        train=train,
        validation=validation,
        calibration=calibration,
        test=labelled_split(source.test, preparation),
        normal_class=source.normal_class,
        image_shape=preparation.shape,
        fingerprint=source.fingerprint,
        kind=source.kind,
        layout=source.layout,
        preparation=preparation,
        skipped=source.skipped,
        warnings=source.warnings,
        kinds=dict(source.kinds),
        group_by=group_by,
    )


def hold_out(count: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divides `count` normal training images at random, the same way for the same seed.

    Validation and calibration take a tenth each, at least 20 and at most 300 images; of fewer than 100 images a fifth.

    Args:
        count: of the images.
        seed: of the choice.
        groups: `(count,)`, the group of each image; groups are not parted, and the parts have about the same sizes.

    Returns:
        Indices of the training, validation and calibration images, each sorted.

    Raises:
        InputError: fewer than 5 images, or than 3 groups.
    """
    if count < LEAST_IMAGES:
        raise InputError(
            f"{count} normal training images are too few: at least {LEAST_IMAGES} are needed, of which a fifth is held "
            "out for validation and a fifth for the threshold; add images"
        )
    least = round(HELD_OUT_SHARE_OF_FEW * min(count, FEW))
    held_out = min(max(least, round(HELD_OUT_SHARE * count)), HELD_OUT_MOST)
    if groups is not None:
        validation, calibration, train = held_out_groups(groups, (held_out, held_out), seed)
        return train, validation, calibration
    order = np.random.default_rng(seed).permutation(count)
    validation, calibration, train = np.split(order, [held_out, 2 * held_out])
    return np.sort(train), np.sort(validation), np.sort(calibration)


def without_test_split(
    labels: np.ndarray, order: np.ndarray | None = None, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Where a source has no test split: every fourth normal image and all others are for testing; no normal one where
    too few would be left to learn from.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        order: of the images, e.g. by the angle of the view. None: as they come.
        groups: `(n,)`, the group of each image; the normal ones for testing are then whole groups, at random.

    Returns:
        Indices to train on and to test on, each sorted.
    """
    normal = np.arange(len(labels)) if order is None else np.asarray(order)
    normal = normal[labels[normal] == 0]
    held_out = normal[TEST_EVERY - 1 :: TEST_EVERY]
    if groups is not None:
        held_out = normal[held_out_groups(groups[normal], [len(held_out)], 0)[0]]
    if len(normal) - len(held_out) < LEAST_IMAGES:
        held_out = normal[:0]
    test = np.union1d(np.flatnonzero(labels != 0), held_out)
    return np.setdiff1d(normal, held_out), test
