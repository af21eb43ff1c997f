"""What normal features look like: a Gaussian at each place, fitted in two passes over the images."""

import numpy as np


class NormalStatistics:
    """Mean and Ledoit-Wolf covariance of features at each of several places.

    Fitted on a stream in two passes: `add_to_mean` on every batch, then `add_to_covariance` on every
    batch. What is kept does not grow with the number of images: `places * dim**2` float64.

    Args:
        places: number of places with a Gaussian of their own.
        dim: dimension of the features.

    Source: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    2004, equation 14; same result as `sklearn.covariance.LedoitWolf` at every place.
    """

    def __init__(self, places: int, dim: int):
        self.places, self.dim = places, dim
        self._count = 0
        self._mean = np.zeros((places, dim))
        self._seen = 0
        self._covariance = np.zeros((places, dim, dim))
        self._fourth_moment = np.zeros(places)

    def add_to_mean(self, features: np.ndarray) -> None:
        """First pass. `features`: `(batch, places, dim)`."""
        self._count += len(features)
        self._mean += (features - self._mean).sum(axis=0, dtype="float64") / self._count

    def add_to_covariance(self, features: np.ndarray) -> None:
        """Second pass, over the same images. `features`: `(batch, places, dim)`."""
        self._seen += len(features)
        centred = np.transpose(features - self._mean, (1, 0, 2))
        self._covariance += np.transpose(centred, (0, 2, 1)) @ centred
        self._fourth_moment += np.square(np.square(centred).sum(axis=-1)).sum(axis=-1)

    def mean_and_whitening(self) -> tuple[np.ndarray, np.ndarray]:
        """The fitted Gaussians.

        Returns:
            Means `(places, dim)` and whitening matrices `(places, dim, dim)`, float32. The squared
            length of `(x - mean) @ whitening` is the squared Mahalanobis distance divided by `dim`:
            1 on average for normal features, whatever their dimension.

        Raises:
            ValueError: no images, or the second pass saw other images than the first.
        """
        if self._count == 0 or self._seen != self._count:
            raise ValueError(f"both passes need the same images, got {self._count} and {self._seen}.")
        covariance = self._covariance / self._count
        identity = np.eye(self.dim)
        variance = np.trace(covariance, axis1=1, axis2=2) / self.dim
        distance = np.square(covariance - variance[:, None, None] * identity).sum(axis=(1, 2)) / self.dim
        error = self._fourth_moment / self._count - np.square(covariance).sum(axis=(1, 2))
        error = np.minimum(error / (self.dim * self._count), distance)
        shrinkage = np.divide(error, distance, out=np.zeros_like(error), where=distance > 0)[:, None, None]
        shrunk = (1 - shrinkage) * covariance + shrinkage * variance[:, None, None] * identity
        # Features that never vary (a dead ReLU everywhere) would have no inverse.
        floor = max(1e-6 * variance.mean(), np.finfo("float32").tiny)
        eigenvalues, eigenvectors = np.linalg.eigh(shrunk)
        scale = 1 / np.sqrt(self.dim * np.maximum(eigenvalues, floor))
        whitening = eigenvectors * scale[:, None, :]
        return self._mean.astype("float32"), whitening.astype("float32")
