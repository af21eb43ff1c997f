"""More good images for a trained run: its network stays; what is fitted to normal images is fitted again."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np

from piade_tf.config import AugmentName, ScoreName
from piade_tf.data import DataSplits, Split
from piade_tf.data.added_images import FolderImages, extended, folder_split
from piade_tf.data.groups import folds_of_groups, groups_of_added
from piade_tf.data.known_images import KnownImage, calibration_images, calibration_scores, with_scores
from piade_tf.data.preparation import Preparation
from piade_tf.evaluation.before_and_after import Group
from piade_tf.evaluation.calibration import Calibrated, calibrated
from piade_tf.evaluation.refit import Known, for_other_scores, refitted
from piade_tf.evaluation.scored_split import BATCH, Scored, score_split
from piade_tf.evaluation.threshold import Threshold, parse_method
from piade_tf.scoring.parameters import ScoreParameters
from piade_tf.scoring.score_set import ScoreSet

NONE = np.zeros(0)
HAD = {"split": "held-out good images of the run", "folds": "good images of the run"}  # by its way of calibration


@dataclasses.dataclass(frozen=True)
class Fixed:
    """What of a run stays.

    Attributes:
        network: the trained network.
        parameters: of its scores.
        chosen: the score that decides.
        augment, seed: of its training.
        way: how calibration images are scored.
    """

    network: keras.Model
    parameters: ScoreParameters
    chosen: ScoreName
    augment: AugmentName
    seed: int
    way: Literal["split", "folds"]

    def fitted(self, data: DataSplits) -> Calibrated:
        """The scores, fitted to these images, and what the calibration images score."""
        return calibrated(self.network, self.parameters, data, self.augment, self.seed, self.chosen, self.way)

    def scores(self, scorer: ScoreSet, split: Split) -> Scored:
        """Of the images of a split."""
        return score_split(scorer.inspection_model(self.network, self.chosen), split, BATCH)


@dataclasses.dataclass(frozen=True)
class Adapted:
    """What an adaptation made.

    Attributes:
        scorer: fitted to the splits.
        data: the splits, with the new images.
        old_normal: scores of the calibration images of before.
        new_normal: scores of the new images, by statistics of others, where these were scored in folds; else None.
        test: scores of the test images.
        threshold: the new one.
    """

    scorer: ScoreSet
    data: DataSplits
    old_normal: np.ndarray
    new_normal: np.ndarray | None
    test: np.ndarray
    threshold: Threshold


@dataclasses.dataclass(frozen=True)
class Before:
    """A run as it is.

    Attributes:
        fixed: what stays.
        scorer: its scores.
        preparation: of its images.
        threshold: its own.
        known: what it knows of its images.
        test_scores: by the name of a test image.
    """

    fixed: Fixed
    scorer: ScoreSet
    preparation: Preparation
    threshold: Threshold
    known: Sequence[KnownImage]
    test_scores: dict[str, float]

    def threshold_for(
        self, known: Sequence[KnownImage], folds: int, labels: np.ndarray = NONE, test: np.ndarray = NONE
    ) -> Threshold:
        """The threshold for other scores of more images, chosen by the same method.

        One set by hand keeps its place among the calibration images of before.

        Args:
            known: images with their scores, those of before first.
            folds: in which they were scored, as `Calibrated` has it.
            labels, test: labels and scores of test images, for a threshold that looks at these.
        """
        if parse_method(self.threshold.method).kind == "value":
            by_hand = dataclasses.replace(self.threshold, folds=folds)
            old_normal = calibration_scores(self.known)[0]
            return for_other_scores(by_hand, old_normal, Known(self.old_normal(known), NONE, NONE))
        scores = Known(calibration_scores(known)[0], labels, test, folds)
        return refitted(self.threshold.method, self.threshold.wanted_fpr, scores)

    def old_normal(self, known: Sequence[KnownImage]) -> np.ndarray:
        """Of the same, the scores of the calibration images of before."""
        return calibration_scores(known[: len(self.known)])[0]

    def compared(
        self,
        adapted: Adapted,
        base: DataSplits,
        added: Sequence[KnownImage],
        bad: FolderImages | None,
        folds: int,
    ) -> list[Group]:
        """The verdicts before and after on all that there is.

        Args:
            adapted: what was made.
            base: the run's own data.
            added: the new good images.
            bad: images that are to be flagged; None: none were given.
            folds: new images are judged by fits that have not seen them, left out in so many parts; 0: not at all.
            Where images are scored in folds anyway, these scores are taken.
        """
        old_normal = calibration_scores(self.known)[0]
        groups = [
            Group(
                HAD[self.fixed.way],
                False,
                self.threshold.is_anomalous(old_normal),
                adapted.threshold.is_anomalous(adapted.old_normal),
                [one.image for one in calibration_images(self.known)],
            )
        ]
        if folds:
            paths = [one.image for one in added]
            before = self._flagged_before(paths)
            if adapted.new_normal is None:
                after = self._held_out_in_turn(base, added, min(folds, len(added)))
            else:
                after = adapted.threshold.is_anomalous(adapted.new_normal)
            groups.append(Group("new good images", False, before, after, paths))
        if bad is not None:
            found = self.fixed.scores(adapted.scorer, folder_split(bad.paths, self.preparation)).pred_score
            after = adapted.threshold.is_anomalous(found)
            groups.append(Group("new bad images", True, self._flagged_before(bad.paths), after, bad.paths))
        test = adapted.data.test
        old = np.array([self.test_scores[str(name)] for name in test.ids], "float64")
        flagged = self.threshold.is_anomalous(old), adapted.threshold.is_anomalous(adapted.test)
        for label, name in enumerate(("good test images", "bad test images")):
            chosen = test.labels == label
            if chosen.any():
                old_flagged, new_flagged = (side[chosen] for side in flagged)
                groups.append(Group(name, bool(label), old_flagged, new_flagged, test.ids[chosen].tolist()))
        return groups

    def _flagged_before(self, paths: Sequence[str]) -> np.ndarray:
        found = self.fixed.scores(self.scorer, folder_split(paths, self.preparation))
        return self.threshold.is_anomalous(found.pred_score)

    def _held_out_in_turn(self, base: DataSplits, added: Sequence[KnownImage], folds: int) -> np.ndarray:
        """Which new images are flagged by fits, and thresholds, that have not seen them."""
        flagged = np.zeros(len(added), bool)
        groups = groups_of_added([one.image for one in added], [one.added for one in added], base.group_by)
        fold = folds_of_groups(groups, folds, self.fixed.seed)
        for i in range(fold.max() + 1):
            print(f"judging the new images by statistics without them: part {i + 1} of {fold.max() + 1}", flush=True)
            left_out = np.flatnonzero(fold == i).tolist()
            known = [*self.known, *(added[j] for j in np.flatnonzero(fold != i).tolist())]
            data = extended(base, known)
            fitted = self.fixed.fitted(data)
            labels, test = NONE, NONE
            if self.threshold.optimistic:
                labels, test = data.test.labels, self.fixed.scores(fitted.scorer, data.test).pred_score
            scored = with_scores(known, fitted.pred_score, fitted.map_max)
            threshold = self.threshold_for(scored, fitted.folds, labels, test)
            found = self.fixed.scores(fitted.scorer, folder_split([added[j].image for j in left_out], self.preparation))
            flagged[left_out] = threshold.is_anomalous(found.pred_score)
        return flagged
