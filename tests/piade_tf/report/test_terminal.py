"""What a training says at its end."""

import numpy as np

from piade_tf.data.known_images import KnownImage
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.terminal import show_odd


def printed(capsys, scores):
    known = [KnownImage(f"{i}.png", "train", "", pred_score=float(score)) for i, score in enumerate(scores)]
    known.append(KnownImage("test.png", "test", ""))
    show_odd(known, fit_threshold("fpr", 0.05, scores))
    return capsys.readouterr().out


def test_good_images_far_above_the_others_are_named_with_the_threshold_without_them(capsys):
    scores = [*np.arange(50.0), 400.0, 300.0]
    (line,) = printed(capsys, scores).splitlines()
    without = fit_threshold("fpr", 0.05, np.arange(50.0)).value
    for named in ("2 of 52", "50.png 400, 51.png 300", f"near {without:.3g}"):
        assert named in line


def test_of_many_only_the_highest_are_named(capsys):
    line = printed(capsys, [*np.arange(50.0), *range(400, 408)])
    assert "57.png 407" in line and "and 3 more" in line and "52.png" not in line


def test_nothing_is_said_of_scores_like_any_others(capsys):
    assert printed(capsys, np.random.default_rng(0).normal(size=100)) == ""
