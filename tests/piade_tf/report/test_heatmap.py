"""The colours of an anomaly map, alone and over its image."""

import matplotlib
import numpy as np

from piade_tf.report.figures import MAPS
from piade_tf.report.heatmap import coloured, overlay


def test_map_colours_run_from_low_to_high_and_stop_there():
    first, last = (np.array(matplotlib.colormaps[MAPS](end, bytes=True)[:3]) for end in (0.0, 1.0))
    colours = coloured(np.array([[-5.0, 1.0, 3.0, 9.0]]), 1, 3)
    np.testing.assert_array_equal(colours, [[first, first, last, last]])


def test_where_the_map_is_low_the_overlay_is_the_image_in_grey():
    image = np.array([[[30, 60, 90], [30, 60, 90]]], dtype="uint8")
    drawn = overlay(image, np.array([[0.0, 1.0]]), 0, 1)
    assert drawn.dtype == np.uint8
    assert drawn[0, 0].tolist() == [60, 60, 60]
    last = np.array(matplotlib.colormaps[MAPS](1.0, bytes=True)[:3])
    np.testing.assert_allclose(drawn[0, 1], 0.15 * 60 + 0.85 * last, atol=0.51)
