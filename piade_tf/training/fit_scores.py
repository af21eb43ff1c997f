"""From the splits to fitted scores: which images statistics and standards are taken from."""

import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from piade_tf.config import AugmentName
from piade_tf.data import DataSplits, Split, batches
from piade_tf.data.groups import folds_of_groups
from piade_tf.data.pipeline import batched, variants
from piade_tf.model.network import is_pretrained
from piade_tf.scoring.parameters import ScoreParameters
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.workers import ALONE, Workers, rows_of

BATCH = 32
FEW, FOLDS = 20, 5  # validation images below which every image serves for both, in turn
CALIBRATION_FOLDS = 10  # docs/threshold.md compares numbers of folds


def fit_scores(
    network: keras.Model,
    parameters: ScoreParameters,
    data: DataSplits,
    augment: AugmentName,
    seed: int,
    workers: Workers = ALONE,
) -> ScoreSet:
    """The scores of a network, fitted to the training and validation images.

    Behind a pretrained encoder and with fewer than 20 validation images, standards are found in five folds over both
    splits. Else statistics have the training images and standards the validation images.

    Args:
        network: the trained network.
        parameters: of the scores.
        data: the splits.
        augment: how images may be changed without becoming anomalous.
        seed: of the changes and of the folds.
        workers: that share the images.
    """
    if is_pretrained(network) and _are_few(data):
        splits = [data.train, data.validation]
        return fit_in_folds(network, parameters, splits, augment, seed, workers=workers)[0]
    scorer = ScoreSet(parameters)
    looks = _looks_of_statistics(_parts([data.train], workers), augment, seed, is_pretrained(network))
    rows = rows_of(workers, [data.train.count])
    validation = data.validation.part(workers.share(data.validation.count))
    numbers = np.concatenate([look * data.train.count + rows for look in range(len(looks))])
    scorer.fit(network, batched(_one_after_the_other(looks), BATCH), batches(validation, BATCH), workers, numbers)
    return scorer


def fit_in_folds(
    network: keras.Model,
    parameters: ScoreParameters,
    splits: Sequence[Split],
    augment: AugmentName,
    seed: int,
    folds: int = FOLDS,
    workers: Workers = ALONE,
) -> tuple[ScoreSet, dict[str, np.ndarray]]:
    """The scores of a pretrained encoder, fitted to all images of some splits, standards found in folds.

    Returns:
        The scores, and for each image what `ScoreSet.fit_in_folds` says of it by the other folds.
    """
    scorer = ScoreSet(parameters)
    looks = _looks(_parts(splits, workers), augment, seed)
    rows = rows_of(workers, [split.count for split in splits])
    fold = folds_of_splits(splits, folds, seed)
    return scorer, scorer.fit_few(network, [batched(look, BATCH) for look in looks], fold, workers, rows)


def images_of_statistics(
    data: DataSplits, augment: AugmentName, seed: int, pretrained: bool, in_folds: bool = False
) -> tf.data.Dataset:
    """The images that the final statistics are fitted to, unbatched, uint8, in the order in which they were fitted.

    Of a network trained from scratch the training images. Behind a pretrained encoder also their variants, and, where
    there are fewer than 20 validation images, these too; all good images where the calibration was `in_folds`.
    """
    splits = [data.train]
    if pretrained and (in_folds or _are_few(data)):
        splits.append(data.validation)
    if pretrained and in_folds:
        splits.append(data.calibration)
    return _one_after_the_other(_looks_of_statistics(splits, augment, seed, pretrained))


def _looks_of_statistics(
    splits: Sequence[Split], augment: AugmentName, seed: int, pretrained: bool
) -> list[tf.data.Dataset]:
    return _looks(splits, augment, seed) if pretrained else [_one_after_the_other([split.images for split in splits])]


def _parts(splits: Sequence[Split], workers: Workers) -> list[Split]:
    """This worker's part of each split."""
    return [split.part(workers.share(split.count)) for split in splits]


def _one_after_the_other(images: Sequence[tf.data.Dataset]) -> tf.data.Dataset:
    return functools.reduce(tf.data.Dataset.concatenate, images)


def _are_few(data: DataSplits) -> bool:
    return data.validation.count < FEW


def _looks(splits: Sequence[Split], augment: AugmentName, seed: int) -> list[tf.data.Dataset]:
    """The images of all splits as they are, then the same in the same order as they may also look."""
    by_split = [[split.images, *variants(split, augment, seed)] for split in splits]
    return [_one_after_the_other(look) for look in zip(*by_split, strict=True)]


def folds_of_splits(splits: Sequence[Split], folds: int, seed: int) -> np.ndarray:
    """As `folds_of`, of the images of some splits; those of a group are in one part, of which there may be fewer."""
    if all(len(split.groups) for split in splits):
        return folds_of_groups(np.concatenate([split.groups for split in splits]), folds, seed)
    return folds_of(sum(split.count for split in splits), folds, seed)


def folds_of(count: int, folds: int, seed: int) -> np.ndarray:
    """Which of `folds` parts of nearly equal size each of `count` images belongs to, from 0, at random."""
    return np.random.default_rng(seed).permutation(count) % min(folds, count)
