"""Scores of a file by statistics of others, carried over from those of the run."""

from pathlib import Path

import numpy as np
import pytest

from export.verification import out_of_fold as module
from export.verification.compared_images import ComparedImages
from export.verification.out_of_fold import MOST, carried_over, out_of_fold
from piade_tf.evaluation.threshold import fit_threshold

GOOD = slice(0, 60)


def scored(seed=0, slope=1.3, offset=0.4, noise=0.0):
    """60 good images and 30 with defects, by a run and by a file; and the good ones by statistics of others."""
    rng = np.random.default_rng(seed)
    run = np.concatenate([rng.normal(0, 0.3, 60), rng.normal(3, 1, 30)])
    file = offset + slope * run + noise * rng.normal(size=90)
    return run, file, rng.normal(1, 0.5, 60)


@pytest.mark.parametrize("slope, offset", [(1.0, 0.0), (1.4, -3.0), (0.6, 2.0)])
def test_a_file_on_another_scale_has_the_runs_scores_on_that_scale(slope, offset):
    run, file, by_run = scored(slope=slope, offset=offset)
    assert carried_over(run, file, GOOD, by_run) == pytest.approx(offset + slope * by_run, abs=1e-6)


def test_what_the_file_says_of_an_image_besides_stays():
    run, file, by_run = scored()
    file[7] += 2
    found = carried_over(run, file, GOOD, by_run)
    expected = 0.4 + 1.3 * by_run
    expected[7] += 2
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_file_that_gives_noise_has_a_threshold_above_it():
    """The promise would be broken if noise were averaged away: new images have it too."""
    alarms = []
    for seed in range(200):
        run, file, by_run = scored(seed, slope=1.0, offset=0.0, noise=0.5)
        new = np.random.default_rng(1000 + seed).normal(1, np.hypot(0.5, 0.5), 500)
        threshold = fit_threshold("fpr", 0.05, carried_over(run, file, GOOD, by_run), folds=5)
        alarms.append(threshold.is_anomalous(new).mean())
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.012)


def test_a_run_that_scores_all_alike_moves_nothing():
    found = carried_over(np.zeros(90), np.full(90, 2.0), GOOD, np.arange(60.0))
    assert found == pytest.approx(np.arange(60.0) + 2)


def test_test_images_have_no_say_and_keep_their_scores():
    run, file, by_run = scored()
    images = ComparedImages(Path("images.npy"), GOOD, slice(60, 70), slice(70, 90), slice(90, 100))
    wild = np.random.default_rng(1).normal(size=10) * 1e3
    found = out_of_fold(images, np.append(run, wild[::-1]), np.append(file, wild), by_run)
    assert found[GOOD] == pytest.approx(0.4 + 1.3 * by_run, abs=1e-5)
    assert found[90:] == pytest.approx(wild)


@pytest.mark.parametrize("good, taken", [(800, 920), (3000, MOST)])
def test_the_line_is_fitted_to_some_of_many_images_and_to_all_with_defects(monkeypatch, good, taken):
    """It takes memory for each pair of images."""
    rng, fitted = np.random.default_rng(0), []
    run = np.concatenate([rng.normal(0, 0.3, good), rng.normal(3, 1, 120)])
    file, by_run = 0.4 + 1.3 * run, rng.normal(1, 0.5, good - 100)
    images = ComparedImages(
        Path("images.npy"),
        slice(0, good - 100),
        slice(good - 100, good),
        slice(good, good + 120),
        slice(good + 120, None),
    )
    fit = module.theilslopes
    monkeypatch.setattr(module, "theilslopes", lambda y, x: fitted.append(x) or fit(y, x))
    found = out_of_fold(images, run, file, by_run)
    (x,) = fitted
    assert len(x) == taken and set(run[good:]) <= set(x)
    assert found[: good - 100] == pytest.approx(0.4 + 1.3 * by_run, abs=1e-5)
    assert found == pytest.approx(out_of_fold(images, run, file, by_run), abs=0)
