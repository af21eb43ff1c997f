"""What normal features look like: a Gaussian at each place, fitted in one pass over the images."""

import dataclasses

import numpy as np

from piade_tf.workers import ALONE, Workers

LEAST_DEVIATION = 1e-4  # of the root mean square of features
LEAST_SIZE = 1e-2  # that root where it is less, as of features that are zero throughout
SUMS = ("_count", "_sum", "_products", "_squares", "_fourths", "_thirds")  # attributes of `NormalStatistics`


@dataclasses.dataclass(frozen=True)
class Gaussians:
    """Gaussians at several places.

    Attributes:
        mean: `(places, dim)`, float32.
        whitening: `(places, dim, dim)`, float32. The squared length of `(x - mean) @ whitening` is the squared
            Mahalanobis distance divided by `dim`: 1 on average for normal features, whatever their dimension.
        projection: `(channels, dim)`, float32, from features to what is compared: principal components. None: all.
    """

    mean: np.ndarray
    whitening: np.ndarray
    projection: np.ndarray | None = None


class NormalStatistics:
    """Mean and Ledoit-Wolf covariance of features at each of several places.

    Fitted on a stream in one pass. What is kept does not grow with the number of images: `places * dim**2` float64.

    Args:
        places: number of places with a Gaussian of their own.
        dim: dimension of the features.

    Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    2004, equation 14; same result as `sklearn.covariance.LedoitWolf` at every place.
    """

    def __init__(self, places: int, dim: int):
        self.places, self.dim = places, dim
        self._count = 0
        self._origin: np.ndarray | None = None  # sums are taken from the first batch's mean: digits would cancel
        self._sum = np.zeros((places, dim))
        self._products = np.zeros((places, dim, dim))
        self._squares = np.zeros(places)  # of lengths
        self._fourths = np.zeros(places)
        self._thirds = np.zeros((places, dim))  # vectors times their squared lengths

    def add(self, features: np.ndarray) -> None:
        """Counts features of normal images, `(batch, places, dim)`."""
        if self._origin is None:
            self._origin = features.mean(axis=0, dtype="float64")
        self._count += len(features)
        centred = np.transpose(features - self._origin, (1, 0, 2))
        squared_length = np.square(centred).sum(axis=-1)
        self._sum += centred.sum(axis=1)
        self._products += np.transpose(centred, (0, 2, 1)) @ centred
        self._squares += squared_length.sum(axis=1)
        self._fourths += np.square(squared_length).sum(axis=1)
        self._thirds += (squared_length[:, None, :] @ centred)[:, 0]

    @classmethod
    def around(cls, origin: np.ndarray) -> "NormalStatistics":
        """Those of no images yet, whose sums are taken from `origin`, `(places, dim)`, float64."""
        found = cls(*origin.shape)
        found._origin = origin
        return found

    def of_all(self, workers: Workers) -> "NormalStatistics":
        """Those of the images of all workers, who count around the same origin."""
        if workers is ALONE:
            return self
        found = self.empty()
        for name in SUMS:
            setattr(found, name, workers.added_up(np.asarray(getattr(self, name))))
        return found

    def empty(self) -> "NormalStatistics":
        """Those of no images yet, for some of the images that this one counts: see `without`."""
        found = NormalStatistics(self.places, self.dim)
        found._origin = self._origin
        return found

    def without(self, some: "NormalStatistics") -> "NormalStatistics":
        """Those of the images that this one counts, without some of them, counted from `empty`."""
        found = self.empty()
        for name in SUMS:
            setattr(found, name, getattr(self, name) - getattr(some, name))
        return found

    def gaussians(self, floor: float = 1e-6, components: int | None = None) -> Gaussians:
        """The fitted Gaussians.

        Args:
            floor: the least eigenvalue of a covariance, as a share of the mean variance over all places. None is below
                the square of `LEAST_DEVIATION` of the size of the features: what varies less is rounding.
            components: principal components of all features together that are compared. None: all, without
                projection.

        Raises:
            ValueError: no images.
        """
        if not self._count or self._origin is None:
            raise ValueError("Gaussians cannot be fitted without images.")
        mean, shrunk = self._sum / self._count, self._shrunk_covariance()
        projection = None
        if components is not None and components < self.dim:
            between = self._origin + mean - (self._origin + mean).mean(axis=0)
            total = shrunk.mean(axis=0) + between.T @ between / self.places
            projection = np.linalg.eigh(total)[1][:, ::-1][:, :components]
            shrunk = projection.T @ shrunk @ projection
        dim = shrunk.shape[-1]
        # Features that never vary (a dead ReLU, equal images) would have no inverse, or one that overflows.
        location = self._origin + mean
        variance = np.trace(shrunk, axis1=1, axis2=2).mean() / dim
        size = max(float(np.square(location).mean()), LEAST_SIZE**2)
        eigenvalues, eigenvectors = np.linalg.eigh(shrunk)
        scale = 1 / np.sqrt(dim * np.maximum(eigenvalues, max(floor * variance, LEAST_DEVIATION**2 * size)))
        return Gaussians(
            (location if projection is None else location @ projection).astype("float32"),
            (eigenvectors * scale[:, None, :]).astype("float32"),
            None if projection is None else projection.astype("float32"),
        )

    def _shrunk_covariance(self) -> np.ndarray:
        mean = self._sum / self._count
        covariance = self._products / self._count - mean[:, :, None] * mean[:, None, :]
        identity = np.eye(self.dim)
        variance = np.trace(covariance, axis1=1, axis2=2) / self.dim
        distance = np.square(covariance - variance[:, None, None] * identity).sum(axis=(1, 2)) / self.dim
        error = self._fourth_moment(mean) - np.square(covariance).sum(axis=(1, 2))
        error = np.clip(error / (self.dim * self._count), 0, distance)
        shrinkage = np.divide(error, distance, out=np.zeros_like(error), where=distance > 0)[:, None, None]
        return (1 - shrinkage) * covariance + shrinkage * variance[:, None, None] * identity

    def _fourth_moment(self, mean: np.ndarray) -> np.ndarray:
        """The mean of `|x - mean|^4` at each place, from the sums."""
        length = np.square(mean).sum(axis=-1)
        quadratic = np.einsum("pi,pij,pj->p", mean, self._products, mean)
        third = (self._thirds * mean).sum(axis=-1)
        moment = self._fourths + 4 * quadratic - 4 * third + 2 * length * self._squares
        return moment / self._count - 3 * np.square(length)
