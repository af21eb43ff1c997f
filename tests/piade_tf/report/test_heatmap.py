"""The colours of an anomaly map, alone and over its image."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from piade_tf.detector import Prediction
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.heatmap import MOST_OPAQUE, coloured, overlay
from piade_tf.report.heatmap_figure import write_heatmap
from piade_tf.report.map_scale import last_colour
from piade_tf.report.palette import MAPS


def test_map_colours_run_from_low_to_high_and_stop_there():
    first, last = (np.array(matplotlib.colormaps[MAPS](end, bytes=True)[:3]) for end in (0.0, 1.0))
    colours = coloured(np.array([[-5.0, 1.0, 3.0, 9.0]]), 1, 3)
    np.testing.assert_array_equal(colours, [[first, first, last, last]])


def test_up_to_half_of_the_threshold_the_overlay_is_the_photograph_and_from_it_on_the_map():
    limit, pixel = 3.0, [30, 60, 90]
    values = np.array([[0.0, 0.5 * limit, 0.75 * limit, limit, 2 * limit, 9 * limit]])
    drawn = overlay(np.full((1, 6, 3), pixel, "uint8"), values, 0, last_colour(limit, values))
    assert drawn.dtype == np.uint8
    assert drawn[0, :2].tolist() == [pixel, pixel]
    colours = matplotlib.colormaps[MAPS](values[0] / (2 * limit), bytes=True)[:, :3]
    for place, alpha in ((2, MOST_OPAQUE / 8), (3, MOST_OPAQUE), (4, MOST_OPAQUE), (5, MOST_OPAQUE)):
        expected = (1 - alpha) * np.array(pixel) + alpha * colours[place]
        np.testing.assert_allclose(drawn[0, place], expected, atol=0.51)


def test_a_grey_image_gets_coloured_places_all_the_same():
    drawn = overlay(np.full((1, 2, 1), 60, "uint8"), np.array([[0.0, 1.0]]), 0, 1)
    assert drawn[0, 0].tolist() == [60, 60, 60] and len(set(drawn[0, 1].tolist())) == 3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [[0.0, 2.0, 1e30], [0.0, 0.0, 0.0]])
def test_a_scale_of_no_length_shows_what_is_above_it(values):
    anomaly_map = np.array([values])
    first, last = (np.array(matplotlib.colormaps[MAPS](end, bytes=True)[:3]) for end in (0.0, 1.0))
    expected = [last if value > 0 else first for value in values]
    np.testing.assert_array_equal(coloured(anomaly_map, 0, 0)[0], expected)
    assert overlay(np.zeros((1, 3, 1), "uint8"), anomaly_map, 0, 0).shape == (1, 3, 3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("largest", [0.0, 1e-12, 3.0, 1e12])
def test_a_threshold_of_zero_draws_every_map(tmp_path, largest):
    nothing = fit_threshold("max", 0.01, [0.0])
    detector = SimpleNamespace(threshold=nothing, map_threshold=nothing)
    image = np.zeros((8, 8, 1), "uint8")
    anomaly_map = np.zeros((8, 8), "float32")
    anomaly_map[2, 3] = largest
    write_heatmap(tmp_path / "a.png", Prediction("a", 0.0, 100.0, False, image, anomaly_map, image), detector)
    assert (tmp_path / "a.png").stat().st_size
