"""How unusual the encoder's features are, place by place."""

import math
from typing import Any

from keras import ops

from piade_tf.scoring.gaussian_score import GaussianScore
from piade_tf.scoring.normal_statistics import Gaussians
from piade_tf.scoring.parameters import LocalParameters
from piade_tf.scoring.place_context import in_context, resized_map
from piade_tf.scoring.score import Outputs, Score, map_names

FINEST_SHARE, FINEST_SIDE = 4, 32


class LocalScore(GaussianScore):
    """Mahalanobis distances of the encoder's feature maps, each place with a Gaussian of its own.

    After Defard et al. 2021, "PaDiM", arXiv 2011.08785, with each map compared by itself: the distances of all maps,
    at the finest map's size, are averaged.

    Args:
        parameters: which maps, and how they become a score.

    Attributes:
        scales: by map, what its distances are divided by.
    """

    name = "local"

    def __init__(self, parameters: LocalParameters | None = None, gaussians: dict[str, Gaussians] | None = None):
        super().__init__(gaussians)
        self.parameters = parameters or LocalParameters()
        self.floor = self.parameters.floor
        self.scales: dict[str, float] = {}

    @property
    def shown(self) -> tuple[str, ...]:
        """The maps whose distances are the anomaly map; empty: all."""
        return self.parameters.shown

    def components_of(self, feature: str) -> int | None:
        """How many principal components of that map are compared; None: all of its channels."""
        if self.parameters.components is None:
            return None
        return self.parameters.components[self.parameters.maps.index(feature)]

    def features(self, outputs: Outputs) -> dict[str, Any]:
        return {name: _at_places(in_context(values, self.parameters.context))
                for name, values in self.maps(outputs).items()}  # fmt: skip

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        return {name: [name] for name in self.maps(outputs)}

    def maps(self, outputs: Outputs) -> dict[str, Any]:
        """The feature maps that are compared, finest first."""
        return {name: outputs[name] for name in self.parameters.maps or finest_maps(outputs)}

    def distance_maps(self, outputs: Outputs) -> dict[str, Any]:
        """Distances by map, `(batch, height, width)` of that map, not yet scaled."""
        found = {}
        for name, values in self.maps(outputs).items():
            projection = self.gaussians[name].projection
            if projection is not None:  # before the context is averaged: fewer channels, and the same result
                values = ops.matmul(values, ops.convert_to_tensor(projection))
            features = _at_places(in_context(values, self.parameters.context))
            found[name] = ops.reshape(self._distance(name, features), (-1, *values.shape[1:3]))
        return found

    def __call__(self, images, outputs: Outputs) -> Score:
        return self.of_distances(self.distance_maps(outputs), outputs["reconstruction"].shape[1:3])

    def of_distances(self, distance_maps: dict[str, Any], size: tuple[int, int]) -> Score:
        """The score of what `distance_maps` returned, with a map of that height and width."""
        at_finest = self._at_finest(distance_maps)
        shown = [at_finest[name] for name in self.parameters.shown or at_finest]
        anomaly_map = resized_map(sum(shown) / len(shown), size, self.parameters.smoothing)
        return Score(self._aggregated(at_finest), anomaly_map)

    def score_of(self, distance_maps: dict[str, Any]) -> Any:
        """`pred_score`, `(batch,)`, of what `distance_maps` returned."""
        return self._aggregated(self._at_finest(distance_maps))

    def _at_finest(self, distance_maps: dict[str, Any]) -> dict[str, Any]:
        finest = tuple(next(iter(distance_maps.values())).shape[1:3])
        return {
            name: resized_map(values / self.scales.get(name, 1.0), finest) for name, values in distance_maps.items()
        }

    def _aggregated(self, at_finest: dict[str, Any]) -> Any:
        return self.parameters.aggregation(sum(at_finest.values()) / len(at_finest))


def finest_maps(outputs: Outputs) -> tuple[str, ...]:
    """The finest map whose sides are at most a quarter of the image's and at most 32, and the next one."""
    height, width = outputs["reconstruction"].shape[1:3]
    names = map_names(outputs)
    coarse_enough = [
        name
        for name in names
        if max(outputs[name].shape[1:3]) <= FINEST_SIDE
        and outputs[name].shape[1] * FINEST_SHARE <= height
        and outputs[name].shape[2] * FINEST_SHARE <= width
    ]
    return tuple(coarse_enough[:2] or names[-1:])


def _at_places(values) -> Any:
    return ops.reshape(values, (-1, math.prod(values.shape[1:3]), values.shape[3]))
