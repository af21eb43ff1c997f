"""What `predict --heatmaps` draws: the verdict and the picture agree."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from piade_tf.detector import Prediction
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.heatmap_figure import outlined_from, write_heatmap

LIMIT = 1.0
PEAK = np.zeros((32, 40), "float32")
PEAK[10:14, 20:25] = 1


@pytest.mark.parametrize("height", [0.4, 0.9, 1.5, 30.0])
def test_an_anomalous_image_has_an_outline_where_its_map_is_brightest_however_low_that_is(height):
    outlined = height * PEAK >= outlined_from(height * PEAK, LIMIT)
    assert outlined.any() and not (outlined & (PEAK == 0)).any()


@pytest.mark.parametrize("height", [0.4, 0.9, 1.05])
def test_the_outline_surrounds_the_highest_region_and_not_what_is_lower_by_a_fifth(height):
    anomaly_map = np.full((32, 40), 0.5 * height, "float32")
    anomaly_map[20:24, 5:9] = 0.8 * height
    anomaly_map[3, 3] = height  # one place of more than a thousand
    outlined = anomaly_map >= outlined_from(anomaly_map, LIMIT)
    assert outlined.sum() == 1 and outlined[3, 3]


def test_all_that_is_above_the_threshold_of_the_map_is_outlined():
    anomaly_map = np.array([[0.9, 1.1, 1.5, 30.0]], "float32")
    assert (anomaly_map >= outlined_from(anomaly_map, LIMIT)).tolist() == [[False, True, True, True]]


def outline_drawn(tmp_path, anomaly_map, anomalous):
    """Whether there is pure white in the overlay of a dark image."""
    image = np.full((32, 40, 3), 30, "uint8")
    prediction = Prediction("part.png", 2.0, 99.0, anomalous, image, anomaly_map, image)
    detector = SimpleNamespace(
        threshold=fit_threshold("max", 0.01, [LIMIT]), map_threshold=fit_threshold("max", 0.01, [LIMIT])
    )
    write_heatmap(tmp_path / "x.png", prediction, detector)
    pixels = np.asarray(Image.open(tmp_path / "x.png").convert("RGB"))
    height, width = pixels.shape[:2]
    overlay = pixels[int(0.35 * height) : int(0.6 * height), int(0.78 * width) : int(0.97 * width)]
    return bool((overlay == 255).all(-1).any())


@pytest.mark.parametrize("peak", [0.5, 3.0])
def test_only_what_is_called_anomalous_is_outlined(tmp_path, peak):
    assert outline_drawn(tmp_path, peak * PEAK, anomalous=True)
    assert not outline_drawn(tmp_path, peak * PEAK, anomalous=False)
