"""How anomalous an image is: scores on one interface, in `keras.ops`, so that they go into any graph."""

import abc
import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
from keras import ops

from layers.adaptive_average_pool import adaptive_average_pool
from piade_tf.model.ssim import filter_transposed, ssim_map

Outputs = dict[str, Any]  # what the network returns, by name

QUADRANTS = 2  # along each side
FINEST_LOCAL_SHARE, FINEST_LOCAL_SIDE = 4, 32
PEAK_EMPHASIS = 4  # exponent of the mean over places: 1 would drown a small defect, infinity is the maximum


@dataclasses.dataclass(frozen=True)
class Score:
    """What a score says of a batch.

    Attributes:
        pred_score: `(batch,)`, float32, at least 0 but for `combined`; higher is more anomalous.
        anomaly_map: `(batch, height, width)`, float32, at least 0, or None where the score has none.
    """

    pred_score: Any
    anomaly_map: Any = None


class ScoreFunction(abc.ABC):
    """One way to score. Called with images in [0, 1] and the network's outputs for them; returns a `Score`."""

    name: ClassVar[str]

    @abc.abstractmethod
    def __call__(self, images, outputs: Outputs) -> Score:
        """Scores `images`, `(batch, height, width, channels)`."""


class ReconstructionScore(ScoreFunction):
    """MSE + 1 - SSIM between image and reconstruction (Mishra et al. 2020), the mean of its `anomaly_map`.

    A window's dissimilarity is spread over the pixels that it covers, by the window's own weights,
    and scaled so that the mean over the whole image stays what it was over the places of the window.

    Args:
        window: side of the SSIM window in pixels.
    """

    name = "reconstruction"

    def __init__(self, window: int):
        self.window = window

    def __call__(self, images, outputs: Outputs) -> Score:
        reconstruction = outputs["reconstruction"]
        squared_error = ops.mean(ops.square(images - reconstruction), axis=-1)
        dissimilarity = 1.0 - ops.mean(ssim_map(images, reconstruction, self.window), axis=-1, keepdims=True)
        scale = math.prod(images.shape[1:3]) / math.prod(dissimilarity.shape[1:3])
        spread = scale * ops.squeeze(filter_transposed(dissimilarity, self.window), axis=-1)
        anomaly_map = squared_error + spread
        return Score(ops.mean(anomaly_map, axis=(1, 2)), anomaly_map)


class GaussianScore(ScoreFunction):
    """A score that compares features with Gaussians fitted to normal training images, one at each place.

    Attributes:
        gaussians: by the feature's name, its means `(places, dim)` and whitening matrices
            `(places, dim, dim)` as `NormalStatistics` gives them.
        steps: by the feature's name, `(places, 1, dim)`, what matrices in integers are multiplied by; none for floats.
    """

    def __init__(self, gaussians: dict[str, tuple[np.ndarray, np.ndarray]] | None = None):
        self.gaussians = gaussians or {}
        self.steps: dict[str, np.ndarray] = {}

    @abc.abstractmethod
    def features(self, outputs: Outputs) -> dict[str, Any]:
        """The features by name, `(batch, places, dim)`."""

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
        mean, whitening = self.gaussians[name]
        centred = ops.transpose(features - mean, (1, 0, 2))
        whitened = ops.matmul(centred, ops.convert_to_tensor(whitening))
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
        return {"embedding": ["instantiation_vectors", _map_names(outputs)[-1]]}


class LocalScore(GaussianScore):
    """Mahalanobis distances of the encoder's feature maps, place by place.

    Two maps are used, the finest whose sides are at most a quarter of the image's and at most 32, and
    the next one. Their distances, averaged at the finer map's size, are the `anomaly_map`; the score
    is their mean over places with exponent 4.
    """

    name = "local"

    def features(self, outputs: Outputs) -> dict[str, Any]:
        return {
            name: ops.reshape(values, (-1, math.prod(values.shape[1:3]), values.shape[3]))
            for name, values in self.maps(outputs).items()
        }

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        return {name: [name] for name in self.maps(outputs)}

    def maps(self, outputs: Outputs) -> dict[str, Any]:
        """The feature maps that are compared, finest first."""
        height, width = outputs["reconstruction"].shape[1:3]
        names = _map_names(outputs)
        coarse_enough = [
            name
            for name in names
            if max(outputs[name].shape[1:3]) <= FINEST_LOCAL_SIDE
            and outputs[name].shape[1] * FINEST_LOCAL_SHARE <= height
            and outputs[name].shape[2] * FINEST_LOCAL_SHARE <= width
        ]
        return {name: outputs[name] for name in coarse_enough[:2] or names[-1:]}

    def __call__(self, images, outputs: Outputs) -> Score:
        distances = self.distances(self.features(outputs))
        shapes = {name: values.shape[1:3] for name, values in self.maps(outputs).items()}
        finest = next(iter(shapes.values()))
        maps = []
        for name, shape in shapes.items():
            distance = ops.reshape(distances[name], (-1, *shape, 1))
            maps.append(distance if shape == finest else ops.image.resize(distance, finest))
        distance = sum(maps) / len(maps)
        score = ops.power(ops.mean(ops.power(distance, PEAK_EMPHASIS), axis=(1, 2, 3)), 1 / PEAK_EMPHASIS)
        return Score(score, ops.squeeze(ops.image.resize(distance, outputs["reconstruction"].shape[1:3]), axis=-1))


def _map_names(outputs: Outputs) -> list[str]:
    return sorted(name for name in outputs if name.startswith("feature_map_"))


class CombinedScore(ScoreFunction):
    """Weighted sum of scores, each standardised on normal validation images; the map of the last that has one.

    Args:
        parts: the scores that are added.
        weights: the weight of each by its name.
        standards: mean and standard deviation of each over validation images, by the score's name.
    """

    name = "combined"

    def __init__(
        self,
        parts: list[ScoreFunction],
        weights: dict[str, float],
        standards: dict[str, tuple[float, float]] | None = None,
    ):
        self.parts = parts
        self.weights = weights
        self.standards = standards or {}

    def __call__(self, images, outputs: Outputs) -> Score:
        total, anomaly_map = 0.0, None
        for part in self.parts:
            score = part(images, outputs)
            mean, deviation = self.standards[part.name]
            total = total + self.weights[part.name] * (score.pred_score - mean) / deviation
            anomaly_map = anomaly_map if score.anomaly_map is None else score.anomaly_map
        return Score(total, anomaly_map)
