"""Several scores added up."""

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from piade_tf.scoring.parameters import MapOfParts
from piade_tf.scoring.score import Outputs, Score, ScoreFunction

ONE_OF_MAPS: dict[MapOfParts, Callable[[list[Any], list[float]], Any]] = {
    "last": lambda maps, _: maps[-1],
    "mean": lambda maps, weights: sum(w * a for w, a in zip(weights, maps, strict=True)) / sum(weights),
    "geometric_mean": lambda maps, _: ops.power(math.prod(maps), 1 / len(maps)),  # of runs before it was the mean
}


class CombinedScore(ScoreFunction):
    """Weighted sum of scores, each standardised on normal images.

    Args:
        parts: the scores that are added.
        weights: the weight of each by its name.
        map_of_parts: the anomaly map is that of the `last` part that has one, or the `mean` or `geometric_mean` of all.
        standards: mean and standard deviation of each over held-out normal images, by the score's name.

    Attributes:
        map_weights: the weight of each part's map in the mean, by the part's name, see `ScoreSet.fit_standards`; 1
            where there is none.
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
        self.map_weights: dict[str, float] = {}

    def __call__(self, images, outputs: Outputs) -> Score:
        return self.of_parts({part.name: part(images, outputs) for part in self.parts})

    def of_parts(self, scores: dict[str, Score]) -> Score:
        """The sum of scores that are known already, by name; others among them are left out."""
        total = 0.0
        for part in self.parts:
            mean, deviation = self.standards[part.name]
            total = total + self.weights[part.name] * (scores[part.name].pred_score - mean) / deviation
        maps = {part.name: scores[part.name].anomaly_map for part in self.parts}
        maps = {name: anomaly_map for name, anomaly_map in maps.items() if anomaly_map is not None}
        weights = [self.map_weights.get(name, 1.0) for name in maps]
        return Score(total, self._one_of(list(maps.values()), weights) if maps else None)
