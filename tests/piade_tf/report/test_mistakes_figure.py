"""The figure of the worst mistakes."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from piade_tf.evaluation.mistakes import Mistake
from piade_tf.report.mistakes_figure import MISTAKES_SHOWN, draw_mistakes, write_mistakes_figure


def make_mistakes(alarms, misses, shape=(12, 12, 1)):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, shape, dtype="uint8")
    values = rng.random(shape[:2])
    kinds = ["false alarm"] * alarms + ["miss"] * misses
    return [Mistake(kind, str(i), f"class_{i}", i / 7, image, image, values) for i, kind in enumerate(kinds)]


def test_the_figure_has_a_block_for_each_kind_and_four_rows():
    figure = draw_mistakes(make_mistakes(2, MISTAKES_SHOWN + 1), "title")
    headings = [text.get_text() for text in figure.texts if text.get_weight() == "bold"]
    assert headings == [
        "False alarms: normal images, the highest scores",
        "Misses: anomalous images, the lowest scores",
    ]
    assert len(figure.axes) == 4 * (2 + MISTAKES_SHOWN) + 1  # and the colour bar
    assert [axes.get_title() for axes in figure.axes[:8:4]] == ["class_0", "class_1"]
    assert [axes.get_xlabel() for axes in figure.axes[3:8:4]] == ["0.00", "0.14"]
    assert [text.get_text() for text in figure.texts].count("score") == 2


@pytest.mark.parametrize("alarms, misses, shape", [(0, 1, (12, 12, 1)), (3, 0, (30, 10, 3)), (6, 6, (10, 30, 3))])
def test_the_figure_is_a_png_of_sensible_size_and_nothing_else_is_left(tmp_path, alarms, misses, shape):
    path = tmp_path / "figures" / "mistakes.png"
    assert write_mistakes_figure(path, make_mistakes(alarms, misses, shape), "title of $\\frac$ " * 9) == path
    assert sorted(path.parent.rglob("*.png")) == [path.parent / "dark" / path.name, path]
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert all(400 < side < 3000 for side in picture.size)


def test_without_mistakes_the_figure_of_an_earlier_run_is_removed(tmp_path):
    path = tmp_path / "mistakes.png"
    write_mistakes_figure(path, make_mistakes(1, 0), "title")
    assert write_mistakes_figure(path, [], "title") is None
    assert list(tmp_path.rglob("*.png")) == []


def test_signs_of_mathematics_in_class_names_are_printed_as_they_are(tmp_path):
    mistakes = [dataclasses.replace(mistake, class_name="$\\frac$") for mistake in make_mistakes(1, 1)]
    write_mistakes_figure(tmp_path / "mistakes.png", mistakes, "title")
