"""Which values of anomaly maps have the first and the last colour: one scale for all pictures of a detector."""

import numpy as np

SAID = "anomaly map: a place above its threshold is unusual"


def last_colour(limit: float, anomaly_maps: np.ndarray) -> float:
    """The value of the last colour; the first is 0.

    Twice the map's threshold, which then has the colour in the middle, whatever images are shown. The largest value of
    the maps where the threshold is 0, as after training images that do not vary, or not known.

    Args:
        limit: the map's threshold; 0: not known.
        anomaly_maps: float, of any shape, those that are shown.
    """
    return 2 * limit if limit > 0 else float(np.max(anomaly_maps, initial=0)) or 1.0


def ticks(limit: float, top: float) -> dict[float, str]:
    """Values and texts for a bar of colours from 0 to `top`."""
    return {0.0: "0", **({limit: f"threshold {limit:.3g}"} if limit > 0 else {}), top: f"{top:.3g}"}


def spread(anomaly_maps: np.ndarray) -> tuple[float, float]:
    """The values of the first and the last colour for maps of a network that has no threshold yet.

    They are the 0.5th and the 99.5th percentile, so that a few pixels do not take all the colours;
    a lower limit that is small beside the upper becomes 0.
    """
    low, high = (float(limit) for limit in np.percentile(anomaly_maps, (0.5, 99.5)))
    if high <= low:
        low, high = 0.0, float(np.max(anomaly_maps))
    return (0.0 if low < 0.1 * high else low), (high if high > 0 else 1.0)
