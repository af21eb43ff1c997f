"""An anomaly map as colours, alone and over its image, as pixels: what `figures.py` draws, one pixel for one value."""

import matplotlib
import numpy as np

from piade_tf.report.palette import MAPS

MOST_OPAQUE = 0.85


def coloured(anomaly_map: np.ndarray, low: float, high: float) -> np.ndarray:
    """`(height, width)`, float, to `(height, width, 3)`, uint8: the first colour at `low`, the last at `high`.

    Where `high` is no more than `low`, all that is above has the last colour.
    """
    return _colours(_share(anomaly_map, low, high))


def overlay(image: np.ndarray, anomaly_map: np.ndarray, low: float, high: float) -> np.ndarray:
    """The map over the image in grey, opaque only where the map is high.

    Args:
        image: `(height, width, channels)`, uint8; channels is 1 or 3.
        anomaly_map: `(height, width)`, float.
        low, high: the values of the first and the last colour.

    Returns:
        `(height, width, 3)`, uint8.
    """
    share = _share(anomaly_map, low, high)
    alpha = MOST_OPAQUE * share[..., None]
    mixed = (1 - alpha) * image.mean(-1, keepdims=True) + alpha * _colours(share)
    return np.round(mixed).astype("uint8")


def _share(anomaly_map: np.ndarray, low: float, high: float) -> np.ndarray:
    above = np.asarray(anomaly_map, dtype=float) - low
    return np.clip(above / (high - low), 0, 1) if high > low else (above > 0).astype(float)


def _colours(share: np.ndarray) -> np.ndarray:
    return matplotlib.colormaps[MAPS](share, bytes=True)[..., :3]
