"""What the detector makes of one image, side by side."""

from pathlib import Path

import matplotlib
import matplotlib.cm
import matplotlib.colors
import numpy as np
from matplotlib.figure import Figure

from piade_tf.detector import Detector, Prediction
from piade_tf.evaluation.threshold import in_short
from piade_tf.printable import printable
from piade_tf.report.drawing import drawing
from piade_tf.report.heatmap import overlay
from piade_tf.report.map_scale import last_colour, ticks
from piade_tf.report.palette import LIGHT, MAPS
from piade_tf.report.save_figure import save_figure

SIDE = 2.2  # inches
HIGHEST = 0.9  # of a map's maximum: from there on a place belongs to its highest region


def outlined_from(anomaly_map: np.ndarray, limit: float) -> float:
    """From which value on the map of an anomalous image is outlined.

    The map's threshold `limit`, or nine tenths of the map's maximum where that is less: the verdict is that of the
    score, and has its place in every picture.
    """
    highest = HIGHEST * float(anomaly_map.max())
    return min(limit, highest) if limit > 0 else highest


def class_of(path: str) -> str:
    """The class of an image, as far as its path tells it: the folder that it lies in; empty for a bare name."""
    folder = Path(path).parent.name
    return "" if folder == ".." else folder


def write_heatmap(path: Path, prediction: Prediction, detector: Detector) -> None:
    """Writes image, reconstruction, anomaly map and overlay as one PNG, under class, verdict, score and threshold.

    The colours go from 0 to twice the map's threshold, for every image of a detector, or to the largest value of the
    map where the threshold is 0, as after training images that do not vary. In an anomalous image what is above the
    map's threshold is outlined, and its highest region in any case; in a normal one nothing is.

    Args:
        path: the file, written whole or not at all.
        prediction: with its maps.
        detector: that made it.
    """
    assert prediction.anomaly_map is not None and prediction.reconstruction is not None
    image, anomaly_map, limit = prediction.image, prediction.anomaly_map, detector.map_threshold.value
    top = last_colour(limit, anomaly_map)
    height, width = anomaly_map.shape
    panels = {
        "image": np.broadcast_to(image, (height, width, 3)),
        "reconstruction": np.broadcast_to(prediction.reconstruction, (height, width, 3)),
        "anomaly map": anomaly_map,
        "overlay": overlay(image, anomaly_map, 0, top),
    }
    where = Path(prediction.path)
    name = printable(str(Path(class_of(prediction.path), where.name)))
    threshold = detector.threshold
    with drawing(LIGHT, name):
        figure = Figure(figsize=(4 * SIDE, SIDE * height / width + 1.0), layout="constrained")
        _, colour = LIGHT.kinds[prediction.pred_label]
        figure.suptitle(
            f"{name[-60:]}: {prediction.verdict}, score {prediction.pred_score:.4g}, threshold {in_short(threshold)}",
            color=colour,
            parse_math=False,
        )
        cells = figure.subplots(1, len(panels))
        for axes, (title, pixels) in zip(cells, panels.items(), strict=True):
            axes.set(xticks=[], yticks=[], title=title)
            axes.spines[:].set(visible=True, linewidth=0.6)
            axes.imshow(pixels, cmap=MAPS, vmin=0, vmax=top)
        if prediction.pred_label:
            padded = np.pad(np.where(anomaly_map >= outlined_from(anomaly_map, limit), 1.0, 0.0), 1)
            places = np.arange(-1, width + 1), np.arange(-1, height + 1)
            cells[-1].contour(*places, padded, [0.5], colors="#FFFFFF", linewidths=1.2)
            cells[-1].set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        bar = figure.colorbar(
            matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, top), MAPS),
            ax=cells, location="bottom", shrink=0.4, pad=0.03, aspect=40, extend="max",
        )  # fmt: skip
        marks = ticks(limit, top)
        bar.set_ticks(list(marks), labels=list(marks.values()))
        save_figure(figure, path)
