"""How far patches are from the nearest normal patch: a memory bank."""

from typing import Any

import numpy as np
from keras import ops

from piade_tf.scoring.coreset import greedy_coreset
from piade_tf.scoring.parameters import BankParameters
from piade_tf.scoring.place_context import in_context, resized_map
from piade_tf.scoring.score import Outputs, Score, ScoreFunction

DISTANCE = "distance"
MOST_PATCHES = 1_000_000  # that a bank is chosen from: of more, every k-th image's; 300 MB in half precision


class BankScore(ScoreFunction):
    """The distance from each patch to the nearest of the bank; the score is the largest after smoothing.

    Patches need not lie where they lay in training: for parts that move. Source: Roth et al. 2022, "Towards total
    recall in industrial anomaly detection", arXiv 2106.08265, without its reweighting.

    Args:
        parameters: which maps, how many patches, and how distances become a score.

    Attributes:
        bank: `(patches, channels)`, float32.
        chosen: which of the patches that it was chosen from these are, `(patches,)`; None where that is not known.
        scales: what distances are divided by.
    """

    name = "bank"
    shown = (DISTANCE,)

    def __init__(self, parameters: BankParameters, bank: np.ndarray | None = None):
        self.parameters = parameters
        self.bank = bank
        self.chosen: np.ndarray | None = None
        self.scales: dict[str, float] = {}

    def patches(self, outputs: Outputs) -> Any:
        """Feature maps in context, the coarser one enlarged to the finer and joined: `(batch, height, width, dim)`."""
        finer, coarser = (in_context(outputs[name], self.parameters.context) for name in self.parameters.maps)
        height, width = finer.shape[1:3]
        channels = coarser.shape[3]
        moved = ops.reshape(ops.transpose(coarser, (0, 3, 1, 2)), (-1, *coarser.shape[1:3]))
        enlarged = ops.reshape(resized_map(moved, (height, width)), (-1, channels, height, width))
        return ops.concatenate([finer, ops.transpose(enlarged, (0, 2, 3, 1))], axis=-1)

    def fit(self, patches: np.ndarray, chosen: np.ndarray | None = None) -> None:
        """Chooses the bank from patches of normal images, `(n, dim)`, unless it is known which are `chosen`."""
        if chosen is None:
            chosen = greedy_coreset(patches, self.parameters.patches, self.parameters.seed)
        self.chosen = np.asarray(chosen)
        self.bank = patches[chosen].astype("float32")

    @property
    def size(self) -> float:
        """The root mean square length of the bank's patches, in which its distances are measured; 1 if all are 0."""
        assert self.bank is not None
        return float(np.sqrt(np.square(self.bank).sum(axis=1).mean())) or 1.0

    def distance_maps(self, outputs: Outputs) -> dict[str, Any]:
        """The distance to the nearest patch of the bank at each place, `(batch, height, width)`, not yet scaled."""
        assert self.bank is not None
        patches = self.patches(outputs)
        rows = ops.reshape(patches, (-1, patches.shape[3]))
        squares = ops.sum(ops.square(rows), axis=-1)
        # |x - b|^2 = |x|^2 + (|b|^2 - 2 x b): one fully connected layer, and a minimum over its outputs.
        kernel = ops.convert_to_tensor(-2 * self.bank.T)
        bias = ops.convert_to_tensor(np.square(self.bank).sum(axis=1))
        nearest = ops.min(ops.matmul(rows, kernel) + bias, axis=-1)
        return {DISTANCE: ops.reshape(ops.sqrt(ops.relu(squares + nearest)), (-1, *patches.shape[1:3]))}

    def score_of(self, distance_maps: dict[str, Any]) -> Any:
        """`pred_score`, `(batch,)`, of what `distance_maps` returned."""
        distance = distance_maps[DISTANCE] / self.scales.get(DISTANCE, 1.0)
        return self.parameters.aggregation(resized_map(distance, distance.shape[1:3], self.parameters.smoothing))

    def __call__(self, images, outputs: Outputs) -> Score:
        return self.of_distances(self.distance_maps(outputs), outputs["reconstruction"].shape[1:3])

    def of_distances(self, distance_maps: dict[str, Any], size: tuple[int, int]) -> Score:
        """The score of what `distance_maps` returned, with a map of that height and width."""
        distance = distance_maps[DISTANCE] / self.scales.get(DISTANCE, 1.0)
        return Score(self.score_of(distance_maps), resized_map(distance, size, self.parameters.map_smoothing))
