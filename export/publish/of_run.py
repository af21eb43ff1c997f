"""The thresholds that a run has now, in whose way those of its files are fitted."""

import dataclasses

import numpy as np

from piade_tf.data.known_images import KnownImage, calibration_scores
from piade_tf.evaluation.threshold import Threshold, parse_method
from piade_tf.run_directory import RunDirectory


@dataclasses.dataclass(frozen=True)
class OfRun:
    """What the files' thresholds follow.

    Attributes:
        threshold, map_threshold: of the run.
        normal: `(n,)`, the run's scores of its calibration images.
    """

    threshold: Threshold
    map_threshold: Threshold
    normal: np.ndarray

    @classmethod
    def read(cls, run: RunDirectory) -> "OfRun":
        """Reads them.

        Raises:
            InputError: a file cannot be read, or the threshold was set by hand in a run that did not keep the scores
                of its calibration images, so that it cannot be moved to those of a file.
        """
        threshold, map_threshold = (
            Threshold.read(run.path / f"{name}.json") for name in ("threshold", "map_threshold")
        )
        if parse_method(threshold.method).kind == "value":
            return cls(threshold, map_threshold, calibration_scores(run.read_known())[0])
        return cls(threshold, map_threshold, np.zeros(0))


def known_if_any(run: RunDirectory) -> list[KnownImage]:
    """What the run knows of its images; nothing where an earlier version trained it."""
    return run.read_known() if (run.path / "known_images.csv").exists() else []
