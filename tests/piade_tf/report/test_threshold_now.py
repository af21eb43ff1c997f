"""After `piade threshold` the report's configuration and commands are those of what the run has now."""

import dataclasses
import re
import shlex

import numpy as np
import pytest

from piade_tf.cli.parsing import parse_config
from piade_tf.data.known_images import KnownImage
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.threshold_now import ThresholdNow

SCORES = np.arange(200.0)
CONFIG = {
    "options": {"preset": "compact", "threshold": "fpr", "fpr": 0.01, "name": "bolts", "runs_dir": "my runs"},
    "image_shape": [32, 32, 1],
}
ADAPTED = CONFIG | {"lineage": {"parent_path": "/runs/bolts", "good": "lamp", "images_added_in_all": 1}}
FROM_LAMP, FROM_LATER = (
    KnownImage(f"{folder}/a.png", "calibration", "0", folder, 1.0, 1.0) for folder in ("/lamp", "/later on")
)


def now(config=CONFIG, method="fpr", fpr=0.01, known=()):
    return ThresholdNow.of(config, fit_threshold(method, fpr, SCORES), fit_threshold("fpr", fpr, SCORES), known)


def without_program(lines):
    """From the name of the command on."""
    return [re.sub(r"^.*?(?=\b(?:train(?:\.py)?|adapt|threshold)\b)", "", line) for line in lines]


def test_as_trained_nothing_is_noted_and_one_command_trains_it():
    assert now().noted(CONFIG) == CONFIG
    (line,) = now().commands(CONFIG)
    assert parse_config(shlex.split(line)[2:]).fpr == 0.01


@pytest.mark.parametrize(
    ("method", "fpr", "noted"),
    [
        ("fpr", 0.05, {"fpr": "0.05, set by piade threshold; the training had 0.01"}),
        ("sigma:3.0", 0.01, {"threshold": "sigma:3.0, set by piade threshold; the training had fpr"}),
        ("value:7.5", 0.01, {"threshold": "value:7.5, set by piade threshold; the training had fpr"}),
    ],
)
def test_the_training_gets_the_threshold_of_now_and_the_table_has_both(method, fpr, noted):
    changed = now(method=method, fpr=fpr)
    assert changed.noted(CONFIG)["options"] == CONFIG["options"] | noted
    (line,) = changed.commands(CONFIG)
    again = parse_config(shlex.split(line)[2:])
    assert (again.threshold, again.fpr) == (method, fpr)


def test_more_good_images_and_then_the_way_follow_the_training():
    changed = now(fpr=0.05, known=[FROM_LATER])
    first, *rest = without_program(changed.commands(CONFIG))
    assert "fpr" not in first
    assert rest == [
        "threshold 'my runs/bolts-again' --good '/later on'",
        "threshold 'my runs/bolts-again' --fpr 0.05",
    ]


def test_an_adaptation_is_followed_by_what_came_after_it():
    assert len(now(ADAPTED, known=[FROM_LAMP]).commands(ADAPTED)) == 1
    changed = now(ADAPTED, "sigma:2.0", known=[FROM_LAMP, FROM_LATER])
    assert without_program(changed.commands(ADAPTED)) == [
        "adapt /runs/bolts --good lamp",
        "threshold RUN --good '/later on'",
        "threshold RUN --sigma 2.0",
    ]


def test_a_value_that_an_adaptation_has_moved_is_told_as_it_is_now():
    moved = dataclasses.replace(fit_threshold("value:7.5", 0.01, SCORES), value=12.25)
    changed = ThresholdNow.of(ADAPTED, moved, fit_threshold("value:3", 0.01, SCORES), [FROM_LAMP])
    assert changed.noted(ADAPTED)["options"]["threshold"].startswith("value:12.25, ")
    assert without_program(changed.commands(ADAPTED))[1:] == ["threshold RUN --value 12.25"]
