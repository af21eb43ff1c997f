"""Scores fitted to good images, and the calibration scores that a threshold is chosen from.

Two ways. Held out: calibration images take no part in fitting. In folds: every good image serves for both, scored by
statistics of the other folds (cross-conformal; Vovk, "Cross-conformal predictors", 2015), and the final statistics have
all of them. docs/threshold.md says what each promises.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np

from piade_tf.config import SMALLEST_PRETRAINED, AugmentName, CalibrationName, ScoreName
from piade_tf.data import DataSplits
from piade_tf.data.groups import groups_of, groups_of_added
from piade_tf.data.known_images import GOOD, KnownImage, calibration_images, joined_later
from piade_tf.errors import InputError
from piade_tf.evaluation.scored_split import BATCH, score_split
from piade_tf.scoring.parameters import ScoreParameters
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.training.fit_scores import CALIBRATION_FOLDS, fit_in_folds, fit_scores, folds_of_splits
from piade_tf.workers import ALONE, Workers

# Good images from which on a tenth of them can promise one false alarm in a hundred.
ENOUGH = 1000
WITHOUT_TRAINING = ("combined", "local", "bank")  # scores of the frozen encoder alone


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """Fitted scores and what the calibration images score.

    Attributes:
        scorer: the scores.
        pred_score, map_max: of the calibration images, `(n,)`: those held out; in folds of the training, validation and
            calibration images, in this order, each by statistics of other folds.
        folds: how many; 0: calibration images were held out.
    """

    scorer: ScoreSet
    pred_score: np.ndarray
    map_max: np.ndarray
    folds: int


def calibration_for(
    wanted: CalibrationName, encoder: str, chosen: ScoreName, good_images: int
) -> Literal["split", "folds"]:
    """The way that is taken.

    Args:
        wanted: `auto`: in folds where that is possible and there are fewer than 1,000 good images.
        encoder: by its name.
        chosen: the score that decides.
        good_images: of training, validation and calibration together.

    Raises:
        InputError: folds are wanted, and the score looks at what was trained on the images.
    """
    possible = encoder != "scratch" and chosen in WITHOUT_TRAINING
    if wanted == "folds" and not possible:
        raise InputError(
            f"--calibration folds scores each image by statistics that have not seen it, but with --encoder {encoder} "
            f"--score {chosen} the network has; choose --calibration split, or a pretrained encoder (images of at "
            f"least {SMALLEST_PRETRAINED} pixels) and one of {', '.join(WITHOUT_TRAINING)}"
        )
    if wanted == "auto":
        return "folds" if possible and good_images < ENOUGH else "split"
    return wanted


def good_images(data: DataSplits) -> int:
    """Those that are not for testing."""
    return sum(getattr(data, name).count for name in GOOD)


def calibrated(
    network: keras.Model,
    parameters: ScoreParameters,
    data: DataSplits,
    augment: AugmentName,
    seed: int,
    chosen: ScoreName,
    way: Literal["split", "folds"],
    workers: Workers = ALONE,
) -> Calibrated:
    """Fits scores and scores the calibration images.

    Args:
        network: the trained network.
        parameters: of the scores.
        data: the splits.
        augment: how images may be changed without becoming anomalous.
        seed: of the changes and of the folds.
        chosen: the score that decides.
        way: as `calibration_for` gives it.
        workers: that share the images.
    """
    if way == "folds":
        splits = [getattr(data, name) for name in GOOD]
        scorer, parts = fit_in_folds(network, parameters, splits, augment, seed, CALIBRATION_FOLDS, workers)
        pred_score, map_max = scorer.out_of_fold(parts, chosen, data.image_shape[:2])
        return Calibrated(scorer, pred_score, map_max, int(folds_of_splits(splits, CALIBRATION_FOLDS, seed).max()) + 1)
    scorer = fit_scores(network, parameters, data, augment, seed, workers)
    found = score_split(scorer.inspection_model(network, chosen), data.calibration, BATCH, workers=workers)
    assert found.map_max is not None
    return Calibrated(scorer, found.pred_score, found.map_max, 0)


def folds_of_run(config: Mapping[str, Any], known: Sequence[KnownImage]) -> int:
    """In how many folds a run has scored its calibration images, whatever its threshold says; 0: they were held out.

    Args:
        config: the content of `config.json`.
        known: what the run knows of its images.
    """
    if config["options"].get("calibration") != "folds":
        return 0
    images, group_by = calibration_images(known), config["options"]["data"].get("group_by")
    images = images[: len(images) - len(joined_later(known, config))]  # these are the last
    if group_by is None:
        return min(CALIBRATION_FOLDS, len(images))
    own, added = ([one for one in images if bool(one.added) is is_added] for is_added in (False, True))
    groups = [
        *groups_of([one.image for one in own], group_by),
        *groups_of_added([one.image for one in added], [one.added for one in added], group_by),
    ]
    return min(CALIBRATION_FOLDS, len(set(groups)))
