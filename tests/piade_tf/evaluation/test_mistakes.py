"""The worst mistakes: which images are picked, and what is kept of them."""

import numpy as np
import pytest

from piade_tf.data.known_images import known_images
from piade_tf.evaluation.mistakes import most_unusual, pick_mistakes, worst_mistakes
from piade_tf.pixels import to_unit


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
    expected = {name: np.asarray(value) for name, value in fitted.inspect(to_unit(images)).items()}
    for i, mistake in enumerate(mistakes):
        np.testing.assert_array_equal(mistake.image, images[i])
        assert mistake.reconstruction.dtype == np.uint8
        np.testing.assert_allclose(mistake.reconstruction, 255 * expected["reconstruction"][i].clip(0, 1), atol=0.6)
        np.testing.assert_allclose(mistake.anomaly_map, expected["anomaly_map"][i], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("count", [20, 80], ids=["of calibration images", "of all good images, in folds"])
def test_the_most_unusual_good_images_are_those_of_the_highest_scores(fitted, splits, count):
    scores = np.random.default_rng(0).permutation(count).astype("float32")
    known = known_images(splits, scores, scores)
    found = most_unusual(fitted.inspection, splits, known, each=3)
    assert [(one.kind, one.score, one.class_name) for one in found] == [
        ("unusual", float(score), "up") for score in range(count - 1, count - 4, -1)
    ]
    parts = (splits.train, splits.validation, splits.calibration)
    good = np.concatenate([np.stack(list(part.images.as_numpy_iterator())) for part in parts])[-count:]
    np.testing.assert_array_equal([one.image for one in found], good[np.argsort(-scores)[:3]])
