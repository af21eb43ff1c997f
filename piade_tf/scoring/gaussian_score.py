"""Scores that compare features with Gaussians fitted to normal training images."""

import abc
import math
from typing import Any

import numpy as np
from keras import ops

from layers.adaptive_average_pool import adaptive_average_pool
from piade_tf.scoring.normal_statistics import Gaussians
from piade_tf.scoring.score import Outputs, Score, ScoreFunction, map_names

QUADRANTS = 2  # along each side
TINY = 1e-12  # a map of zeros has no direction


class GaussianScore(ScoreFunction):
    """A score that compares features with Gaussians, one at each place.

    Attributes:
        gaussians: by the feature's name, as `NormalStatistics` gives them.
        steps: by the feature's name, `(places, 1, dim)`, what matrices in integers are multiplied by; none for floats.
        floor: the least eigenvalue of a covariance, as a share of the mean variance.
        components: principal components that are compared; None: all channels.
    """

    floor: float = 1e-6
    components: int | None = None

    def __init__(self, gaussians: dict[str, Gaussians] | None = None):
        self.gaussians = gaussians or {}
        self.steps: dict[str, np.ndarray] = {}

    @abc.abstractmethod
    def features(self, outputs: Outputs) -> dict[str, Any]:
        """The features by name, `(batch, places, dim)`, that Gaussians are fitted to."""

    @abc.abstractmethod
    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        """By the feature's name, those of the outputs that it is made of, in their order."""

    def __call__(self, images, outputs: Outputs) -> Score:
        (distance,) = self.distances(self.features(outputs)).values()  # one feature at one place; LocalScore has more
        return Score(ops.squeeze(distance, axis=1))

    def distances(self, features: dict[str, Any]) -> dict[str, Any]:
        """Mahalanobis distance at each place over the root of the dimension: `(batch, places)`, near 1 if normal."""
        return {name: self._distance(name, values) for name, values in features.items()}

    def _distance(self, name: str, features):
        fitted = self.gaussians[name]
        centred = ops.transpose(features - fitted.mean, (1, 0, 2))
        whitened = ops.matmul(centred, ops.convert_to_tensor(fitted.whitening))
        if name in self.steps:
            whitened = whitened * self.steps[name]
        return ops.transpose(ops.sqrt(ops.sum(ops.square(whitened), axis=-1)))


class LatentScore(GaussianScore):
    """Mahalanobis distance of all instantiation vectors together."""

    name = "latent"

    def features(self, outputs: Outputs) -> dict[str, Any]:
        vectors = outputs["instantiation_vectors"]
        return {"instantiation_vectors": ops.reshape(vectors, (-1, 1, math.prod(vectors.shape[1:])))}

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        return {"instantiation_vectors": ["instantiation_vectors"]}


class EmbeddingScore(GaussianScore):
    """Mahalanobis distance of all instantiation vectors and the quadrants of the encoder's last map, taken together.

    The map is averaged to 2 x 2 places: its average alone would forget what stands where.
    """

    name = "embedding"

    def features(self, outputs: Outputs) -> dict[str, Any]:
        vectors, last_map = (outputs[name] for name in self.sources(outputs)["embedding"])
        quadrants = adaptive_average_pool(last_map, min(QUADRANTS, *last_map.shape[1:3]))
        parts = [ops.reshape(part, (-1, math.prod(part.shape[1:]))) for part in (vectors, quadrants)]
        return {"embedding": ops.concatenate(parts, axis=-1)[:, None, :]}

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        return {"embedding": ["instantiation_vectors", map_names(outputs)[-1]]}


class PooledScore(GaussianScore):
    """Mahalanobis distance of the encoder's last map, averaged over its places and brought to length 1.

    For classes of objects, which may lie anywhere: the direction says what is there, the length how plainly.
    """

    name = "pooled"

    def features(self, outputs: Outputs) -> dict[str, Any]:
        mean = ops.mean(outputs[map_names(outputs)[-1]], axis=(1, 2))
        length = ops.sqrt(ops.sum(ops.square(mean), axis=-1, keepdims=True) + TINY)
        return {"pooled": (mean / length)[:, None, :]}

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        return {"pooled": [map_names(outputs)[-1]]}
