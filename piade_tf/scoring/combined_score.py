"""Several scores added up."""

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from piade_tf.scoring.parameters import MapOfParts
from piade_tf.scoring.score import Outputs, Score, ScoreFunction

ONE_OF_MAPS: dict[MapOfParts, Callable[[list[Any]], Any]] = {
    "last": lambda maps: maps[-1],
    "mean": lambda maps: sum(maps) / len(maps),
    "geometric_mean": lambda maps: ops.power(math.prod(maps), 1 / len(maps)),  # of runs before it was the mean
}


class CombinedScore(ScoreFunction):
    """Weighted sum of scores, each standardised on normal images.

    Args:
        parts: the scores that are added.
        weights: the weight of each by its name.
        map_of_parts: the anomaly map is that of the `last` part that has one, or the `mean` or `geometric_mean` of all.
        standards: mean and standard deviation of each over held-out normal images, by the score's name.
    """

    name = "combined"

    def __init__(
        self,
        parts: list[ScoreFunction],
        weights: dict[str, float],
        map_of_parts: MapOfParts = "last",
        standards: dict[str, tuple[float, float]] | None = None,
    ):
        self.parts = parts
        self.weights = weights
        self.map_of_parts = map_of_parts
        self._one_of = ONE_OF_MAPS[map_of_parts]
        self.standards = standards or {}

    def __call__(self, images, outputs: Outputs) -> Score:
        return self.of_parts({part.name: part(images, outputs) for part in self.parts})

    def of_parts(self, scores: dict[str, Score]) -> Score:
        """The sum of scores that are known already, by name; others among them are left out."""
        total = 0.0
        for part in self.parts:
            mean, deviation = self.standards[part.name]
            total = total + self.weights[part.name] * (scores[part.name].pred_score - mean) / deviation
        maps = [scores[part.name].anomaly_map for part in self.parts]
        maps = [anomaly_map for anomaly_map in maps if anomaly_map is not None]
        return Score(total, self._one_of(maps) if maps else None)
