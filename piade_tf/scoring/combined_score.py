"""Several scores added up."""

from typing import Literal

from keras import ops

from piade_tf.scoring.score import Outputs, Score, ScoreFunction


class CombinedScore(ScoreFunction):
    """Weighted sum of scores, each standardised on normal images.

    Args:
        parts: the scores that are added.
        weights: the weight of each by its name.
        map_of_parts: `last`: the anomaly map is that of the last part that has one. `geometric_mean`: bright is what is
            bright in all maps.
        standards: mean and standard deviation of each over held-out normal images, by the score's name.
    """

    name = "combined"

    def __init__(
        self,
        parts: list[ScoreFunction],
        weights: dict[str, float],
        map_of_parts: Literal["last", "geometric_mean"] = "last",
        standards: dict[str, tuple[float, float]] | None = None,
    ):
        self.parts = parts
        self.weights = weights
        self.map_of_parts = map_of_parts
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
        if not maps or self.map_of_parts == "last":
            return Score(total, maps[-1] if maps else None)
        product = maps[0]
        for anomaly_map in maps[1:]:
            product = product * anomaly_map
        return Score(total, ops.sqrt(product) if len(maps) == 2 else ops.power(product, 1 / len(maps)))
