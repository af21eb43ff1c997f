"""What a training says at its end."""

from types import SimpleNamespace

import numpy as np
import pytest

from piade_tf.data.known_images import KnownImage
from piade_tf.evaluation.metrics import all_metrics
from piade_tf.evaluation.scored_split import Scored
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.terminal import show_end, show_odd, show_start

NAMES = ("train", "validation", "calibration", "test")


def printed(capsys, scores):
    known = [KnownImage(f"{i}.png", "train", "", pred_score=float(score)) for i, score in enumerate(scores)]
    known.append(KnownImage("test.png", "test", ""))
    show_odd(known, fit_threshold("fpr", 0.05, scores))
    return capsys.readouterr().out


def test_good_images_far_above_the_others_are_named_with_the_threshold_without_them(capsys):
    scores = [*np.arange(50.0), 400.0, 300.0]
    (line,) = printed(capsys, scores).splitlines()
    without = fit_threshold("fpr", 0.05, np.arange(50.0)).value
    for named in ("of 52, 2 good images score", "50.png 400, 51.png 300", f"near {without:.3g}"):
        assert named in line


def test_of_one_that_has_no_say_in_the_threshold_that_is_said(capsys):
    line = printed(capsys, [*np.arange(30.0), 400.0])
    assert "30.png 400" in line and "the threshold is without it" in line and "would be" not in line


def test_of_many_only_the_highest_are_named(capsys):
    line = printed(capsys, [*np.arange(50.0), *range(400, 408)])
    assert "57.png 407" in line and "and 3 more" in line and "52.png" not in line


def test_nothing_is_said_of_scores_like_any_others(capsys):
    assert printed(capsys, np.random.default_rng(0).normal(size=100)) == ""


# === The metrics ===


def end_of(capsys, tmp_path, labels):
    """What is printed of test images with these labels, that score 0, 1, 2, ..."""
    labels = np.array(labels, int)
    split = SimpleNamespace(labels=labels, count=len(labels), masks=None, classes=labels.astype(str))
    threshold = fit_threshold("max", 0.1, [0.5])
    show_end(all_metrics(split, Scored(np.arange(len(labels)) * 1.0, {}), threshold, {}), threshold, tmp_path)
    return capsys.readouterr().out


def test_without_test_images_one_line_says_what_would_give_metrics(capsys, tmp_path):
    said = end_of(capsys, tmp_path, [])
    assert "metric " not in said and "Not available" not in said
    (line,) = (line for line in said.splitlines() if line.startswith("No metrics"))
    assert "test/good" in line


def test_with_good_test_images_alone_the_table_has_their_rows_alone(capsys, tmp_path):
    said = end_of(capsys, tmp_path, [0, 0])
    assert "false alarms at the threshold" in said and "anomalies found" not in said
    assert "there are no anomalous test images" in said


# === What serves for what ===


@pytest.mark.parametrize("in_folds", [True, False])
def test_the_start_says_how_many_good_images_there_are_and_what_for(capsys, tmp_path, in_folds):
    parts = {name: SimpleNamespace(count=count) for name, count in zip(NAMES, (19, 6, 7, 54), strict=True)}
    data = SimpleNamespace(**parts, image_shape=(8, 8, 3), warnings=[], layout="a folder", normal_class="good")
    show_start("cookies", data, SimpleNamespace(count_params=lambda: 5), tmp_path, "Running.", in_folds)
    said = capsys.readouterr().out
    assert all(str(count) in said for count in (19, 6, 7, 54))
    assert ("32 good images" in said) == ("Each good image serves twice" in said) == in_folds
