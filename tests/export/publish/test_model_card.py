"""What a model card says of how it was measured."""

import pytest

from export.publish.model_card import model_card

CONFIG = {
    "options": {"data": {"dataset": "digits"}, "score": "combined", "training": {"seed": 0}},
    "counts": {"train": 9, "validation": 3, "calibration": 3, "test": 0},
    "image_shape": [32, 32, 1],
    **dict.fromkeys(("layout", "normal_class", "data_fingerprint", "git_commit"), "such"),
}
MANIFEST = {
    "run": "digits",
    "version": "0.1",
    "compared_on": {"validation": 3, "synthetic_defects": 9, "verdicts_may_differ": 0.02},
    "keras": {"image_AUROC": None},
    "machine": {"processor": "one", "cores": 2},
    "files": {},
}


@pytest.mark.parametrize(
    "manifest, images", [({}, "one image"), ({"batch": 1}, "one image"), ({"batch": 4}, "4 images")]
)
def test_times_are_of_an_image_in_batches_that_are_named(manifest, images):
    card = model_card(CONFIG, MANIFEST | manifest, 0)
    assert f" {images} at a time" in card and "milliseconds an image" in card


def test_images_that_joined_later_are_no_part_of_the_statistics():
    config = CONFIG | {"options": CONFIG["options"] | {"calibration": "folds"}}
    assert "thresholds in folds): 15\n" in model_card(config, MANIFEST, 0)
    card = model_card(config, MANIFEST, 2)
    assert "thresholds in folds): 13\n" in card and "joined later (thresholds): 2\n" in card


def test_a_share_that_differs_is_told_as_what_must_surely_be_exceeded():
    assert "rejected if surely more than 2.0% of them differ." in model_card(CONFIG, MANIFEST, 0)
