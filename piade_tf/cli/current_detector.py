"""The detector of a run as it is now: another threshold, or another run at the same path, is taken over."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from piade_tf.errors import InputError
from piade_tf.files import signature

if TYPE_CHECKING:
    from piade_tf.detector import Detector

FILES = ("model.keras", "scorer.npz", "config.json", "threshold.json")  # the last judges the scores of the others alone
Signatures = list[tuple[int, int] | None]


class CurrentDetector:
    """Loads a run, and later what has changed in it.

    Attributes:
        detector: as it was loaded last.

    Args:
        run: the run directory.

    Raises:
        InputError: it is none.
    """

    def __init__(self, run: Path):
        self._run = run
        self._known: Signatures
        self._refused: Signatures = []  # of what could not be loaded
        self.detector: Detector
        self._load()

    def follow(self) -> bool:
        """Takes over another threshold or another run, and says so; returns whether the run was loaded again.

        While one of its files is missing or damaged, as where another run is copied into its place file by file, all
        stays as it is; what is damaged is told.
        """
        now = self._signatures()
        if now in (self._known, self._refused) or None in now:
            return False
        try:
            return self._taken_over(now)
        except InputError as error:
            self._refused = now
            print(f"warning: {error}; what was loaded before goes on", file=sys.stderr, flush=True)
            return False

    def _taken_over(self, now: Signatures) -> bool:
        from piade_tf.evaluation.threshold import Threshold, in_short

        if now[:-1] == self._known[:-1]:
            path = self._run / FILES[-1]
            threshold = Threshold.read(path)
            if self._signatures() == now:  # else it may be that of another run
                self._known, self.detector = now, dataclasses.replace(self.detector, threshold=threshold)
                print(f"threshold {in_short(threshold)} from now on: {path} has changed", flush=True)
                return False
        self._load()
        at = in_short(self.detector.threshold)
        print(f"threshold {at} from now on: {self._run} has changed and was loaded again", flush=True)
        return True

    def _load(self) -> None:
        from piade_tf.detector import Detector

        while True:
            found, detector = self._signatures(), Detector.load(self._run)
            if self._signatures() == found:  # else its files may be those of two runs
                self._known, self.detector = found, detector
                return

    def _signatures(self) -> Signatures:
        return [signature(self._run / name) for name in FILES]
