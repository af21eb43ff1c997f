"""What an adaptation prints: which images have another verdict, and which still have a wrong one, by name."""

import numpy as np
import pytest

from piade_tf.evaluation.before_and_after import Group
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.adaptation_table import show_adaptation


@pytest.fixture
def lines(tmp_path, monkeypatch, capsys):
    """What is printed in `tmp_path` of images in `good` below it, or in another folder, with these verdicts."""

    def of(anomalous, before, after, folder=tmp_path / "good"):
        names = [f"{folder}/{number}.png" for number in range(len(before))]
        threshold = fit_threshold("max", 0.01, [0.0, 1.0])
        monkeypatch.chdir(tmp_path)
        group = Group("new images", anomalous, np.array(before, bool), np.array(after, bool), names)
        show_adaptation([group], threshold, threshold)
        return capsys.readouterr().out.splitlines()

    return of


def test_good_images_that_are_still_flagged_are_named_from_the_current_folder_on(lines):
    printed = lines(False, [1, 1, 0, 0], [1, 0, 1, 0])
    assert "still flagged, of new images: good/0.png" in printed
    assert "no longer flagged, of new images: good/1.png" in printed
    assert "now flagged, of new images: good/2.png" in printed


def test_bad_images_that_are_still_missed_are_named(lines):
    assert "still missed, of new images: good/1.png" in lines(True, [1, 0], [1, 0])


def test_of_many_ten_are_named(lines):
    (line,) = [line for line in lines(False, [1] * 12, [1] * 12) if line.startswith("still")]
    assert line.endswith("good/9.png and 2 more") and line.count(".png") == 10


def test_elsewhere_they_keep_the_whole_path(lines):
    assert "still flagged, of new images: /elsewhere/0.png" in lines(False, [1], [1], folder="/elsewhere")
