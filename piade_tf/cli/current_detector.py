"""The detector of a run as it is now: another threshold, or another run at the same path, is taken over."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from piade_tf.files import signature

if TYPE_CHECKING:
    from piade_tf.detector import Detector

FILES = ("model.keras", "scorer.npz", "config.json", "threshold.json")  # the last judges the scores of the others alone


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
        self._known: list[tuple[int, int] | None]
        self.detector: Detector
        self._load()

    def follow(self) -> bool:
        """Takes over another threshold or another run, and says so; returns whether the run was loaded again.

        While one of its files is missing, as between a run and the one that takes its place, all stays as it is.

        Raises:
            InputError: what is there now cannot be loaded.
        """
        from piade_tf.evaluation.threshold import Threshold, in_short

        now = self._signatures()
        if now == self._known or None in now:
            return False
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
            self._known = self._signatures()
            self.detector = Detector.load(self._run)
            if self._signatures() == self._known:  # else its files may be those of two runs
                return

    def _signatures(self) -> list[tuple[int, int] | None]:
        return [signature(self._run / name) for name in FILES]
