"""An anomaly map as colours, alone and over its image, as pixels: what `figures.py` draws, one pixel for one value."""

import matplotlib
import numpy as np

from piade_tf.report.palette import MAPS

MOST_OPAQUE = 0.75
STEEPNESS = 3
FADING = 0.25, 0.5  # of the scale of colours, which has the threshold in its middle: from half of it to all


def coloured(anomaly_map: np.ndarray, low: float, high: float) -> np.ndarray:
    """`(height, width)`, float, to `(height, width, 3)`, uint8: the first colour at `low`, the last at `high`.

    Where `high` is no more than `low`, all that is above has the last colour.
    """
    return _colours(_share(anomaly_map, low, high))


def overlay(image: np.ndarray, anomaly_map: np.ndarray, low: float, high: float) -> np.ndarray:
    """The map over the image, of which nothing is covered where places are normal; see `opacity`.

    Args:
        image: `(height, width, channels)`, uint8; channels is 1 or 3.
        anomaly_map: `(height, width)`, float.
        low, high: the values of the first and the last colour.

    Returns:
        `(height, width, 3)`, uint8.
    """
    share = _share(anomaly_map, low, high)
    alpha = opacity(share)[..., None]
    return np.round((1 - alpha) * image + alpha * _colours(share)).astype("uint8")


def opacity(share: np.ndarray) -> np.ndarray:
    """How opaque a map lies over its image: not at all up to half of the threshold, fully from the threshold on.

    Slowly at first: on parts that vary, most normal places lie between the two.

    Args:
        share: of the scale of colours, 0 at the first and 1 at the last; any shape.
    """
    start, end = FADING
    return MOST_OPAQUE * np.clip((share - start) / (end - start), 0, 1) ** STEEPNESS


def _share(anomaly_map: np.ndarray, low: float, high: float) -> np.ndarray:
    above = np.asarray(anomaly_map, dtype=float) - low
    return np.clip(above / (high - low), 0, 1) if high > low else (above > 0).astype(float)


def _colours(share: np.ndarray) -> np.ndarray:
    return matplotlib.colormaps[MAPS](share, bytes=True)[..., :3]
