"""The worst mistakes: which images are picked, what is kept of them, and their figure."""

import dataclasses

import matplotlib
import numpy as np
import pytest
from PIL import Image

from piade_tf.data.pipeline import scale
from piade_tf.report.figures import MAPS, colour_limits
from piade_tf.report.heatmap import coloured, overlay
from piade_tf.report.mistakes import pick_mistakes, worst_mistakes
from piade_tf.report.mistakes_figure import SHOWN, Mistake, mistakes_figure, write_mistakes_figure


def make_mistakes(alarms, misses, shape=(12, 12, 1)):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, shape, dtype="uint8")
    values = rng.random(shape[:2])
    colours = overlay(image, values, 0, 1)
    kinds = ["false alarm"] * alarms + ["miss"] * misses
    return [Mistake(kind, str(i), f"class_{i}", i / 7, image, image, values, colours) for i, kind in enumerate(kinds)]


def test_the_highest_false_alarms_come_first_then_the_lowest_misses():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([1.0, 7.0, 9.0, 8.0, 9.0, 3.0, 2.0, 4.0])
    assert pick_mistakes(labels, scores > 5, scores, 2).tolist() == [2, 3, 6, 5]
    assert pick_mistakes(labels, scores > 5, scores, 9).tolist() == [2, 3, 1, 6, 5, 7]


def test_of_equal_scores_the_earlier_image_is_picked():
    assert pick_mistakes(np.zeros(4, int), np.ones(4, bool), np.ones(4), 2).tolist() == [0, 1]


def test_without_a_mistake_there_is_none(fitted, splits):
    scores = np.where(splits.test.labels, 2.0, 1.0)
    assert worst_mistakes(fitted.inspection, splits.test, scores, 1.5) == []


def test_a_score_at_the_threshold_is_not_flagged(fitted, splits):
    assert [m.kind for m in worst_mistakes(fitted.inspection, splits.test, np.ones(13), 1.0)] == ["miss"] * 5


def test_mistakes_are_what_the_detector_makes_of_those_images(fitted, splits):
    scores = np.linspace(2, 1, 13)  # the normal images come first: all are flagged, no other is
    mistakes = worst_mistakes(fitted.inspection, splits.test, scores, scores[7] - 1e-6, each=3)
    assert [m.kind for m in mistakes] == ["false alarm"] * 3 + ["miss"] * 3
    assert [m.image_id for m in mistakes] == ["0", "1", "2", "12", "11", "10"]
    assert [m.class_name for m in mistakes] == ["up"] * 3 + ["down"] * 3
    assert [m.score for m in mistakes] == pytest.approx(scores[[0, 1, 2, 12, 11, 10]])
    images = np.stack(list(splits.test.images.as_numpy_iterator()))[[0, 1, 2, 12, 11, 10]]
    expected = {name: np.asarray(value) for name, value in fitted.inspect(scale(images)).items()}
    limits = colour_limits(expected["anomaly_map"])
    for i, mistake in enumerate(mistakes):
        np.testing.assert_array_equal(mistake.image, images[i])
        assert mistake.reconstruction.dtype == np.uint8
        np.testing.assert_allclose(mistake.reconstruction, 255 * expected["reconstruction"][i].clip(0, 1), atol=0.6)
        np.testing.assert_allclose(mistake.anomaly_map, expected["anomaly_map"][i], rtol=1e-3, atol=1e-4)
        drawn = overlay(images[i], mistake.anomaly_map, *limits)
        np.testing.assert_allclose(mistake.overlay.astype(int), drawn, atol=1)


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


def test_the_figure_has_a_block_for_each_kind_and_four_rows():
    figure = mistakes_figure(make_mistakes(2, SHOWN + 1), "title")
    headings = [text.get_text() for text in figure.texts if text.get_weight() == "bold"]
    assert headings == [
        "False alarms: normal images, the highest scores",
        "Misses: anomalous images, the lowest scores",
    ]
    assert len(figure.axes) == 4 * (2 + SHOWN) + 1  # and the colour bar
    assert [axes.get_title() for axes in figure.axes[:8:4]] == ["class_0", "class_1"]
    assert [axes.get_xlabel() for axes in figure.axes[3:8:4]] == ["0.00", "0.14"]
    assert [text.get_text() for text in figure.texts].count("score") == 2


@pytest.mark.parametrize("alarms, misses, shape", [(0, 1, (12, 12, 1)), (3, 0, (30, 10, 3)), (6, 6, (10, 30, 3))])
def test_the_figure_is_a_png_of_sensible_size_and_nothing_else_is_left(tmp_path, alarms, misses, shape):
    path = tmp_path / "figures" / "mistakes.png"
    assert write_mistakes_figure(path, make_mistakes(alarms, misses, shape), "title of $\\frac$ " * 9) == path
    assert list(path.parent.iterdir()) == [path]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert all(400 < side < 3000 for side in picture.size)


def test_without_mistakes_the_figure_of_an_earlier_run_is_removed(tmp_path):
    path = tmp_path / "mistakes.png"
    write_mistakes_figure(path, make_mistakes(1, 0), "title")
    assert write_mistakes_figure(path, [], "title") is None
    assert list(tmp_path.iterdir()) == []


def test_signs_of_mathematics_in_class_names_are_printed_as_they_are(tmp_path):
    mistakes = [dataclasses.replace(mistake, class_name="$\\frac$") for mistake in make_mistakes(1, 1)]
    write_mistakes_figure(tmp_path / "mistakes.png", mistakes, "title")
