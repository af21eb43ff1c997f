"""From the splits to fitted scores: which images statistics and standards are taken from."""

import keras
import numpy as np
import tensorflow as tf

from piade_tf.config import AugmentName
from piade_tf.data import DataSplits, Split, batches
from piade_tf.data.pipeline import batched, variants
from piade_tf.model.network import is_pretrained
from piade_tf.scoring.parameters import ScoreParameters
from piade_tf.scoring.score_set import ScoreSet

BATCH = 32
FEW, FOLDS = 20, 5  # validation images below which every image serves for both, in turn


def fit_scores(
    network: keras.Model, parameters: ScoreParameters, data: DataSplits, augment: AugmentName, seed: int
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
    """
    scorer = ScoreSet(parameters)
    if is_pretrained(network) and _are_few(data):
        _fit_in_folds(scorer, network, data, augment, seed)
    else:
        fitted_to = batched(images_of_statistics(data, augment, seed, is_pretrained(network)), BATCH)
        scorer.fit(network, fitted_to, batches(data.validation, BATCH))
    return scorer


def images_of_statistics(data: DataSplits, augment: AugmentName, seed: int, pretrained: bool) -> tf.data.Dataset:
    """The images that the final statistics are fitted to, unbatched, uint8, in a fixed order.

    Of a network trained from scratch the training images. Behind a pretrained encoder also their variants, and, where
    there are fewer than 20 validation images, these too.
    """
    if not pretrained:
        return data.train.images
    splits = [data.train, data.validation] if _are_few(data) else [data.train]
    first, *others = [part for split in splits for part in _with_variants(split, augment, seed)]
    for part in others:
        first = first.concatenate(part)
    return first


def _are_few(data: DataSplits) -> bool:
    return data.validation.count < FEW


def _with_variants(split: Split, augment: AugmentName, seed: int) -> list[tf.data.Dataset]:
    return [split.images, *variants(split, augment, seed)]


def _fit_in_folds(scorer: ScoreSet, network: keras.Model, data: DataSplits, augment: AugmentName, seed: int) -> None:
    of_train, of_validation = (_with_variants(split, augment, seed) for split in (data.train, data.validation))
    looks = [first.concatenate(second) for first, second in zip(of_train, of_validation, strict=True)]
    count = data.train.count + data.validation.count
    fold = np.random.default_rng(seed).permutation(count) % min(FOLDS, count)
    scorer.fit_few(network, [batched(look, BATCH) for look in looks], fold)
