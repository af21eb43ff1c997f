"""A run that was calibrated in folds, through every command that reads or changes its threshold."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from export.options import Export
from export.run import export
from piade_tf.cli.adapt import Adapt, adapt
from piade_tf.cli.parsing import parse_config
from piade_tf.cli.threshold import SetThreshold, set_threshold
from piade_tf.cli.train import train
from piade_tf.data.known_images import GOOD as GOOD_SPLITS
from piade_tf.data.known_images import calibration_images, calibration_scores, digests_of
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.run_directory import RunDirectory

GOOD, NEW = 30, 4
TINY = [
    *("--encoder", "efficientnet_lite0", "--network.magnifications", "1", "2", "--image-size", "64"),
    *("--epochs", "1", "--no-tensorboard", "--export"),
]


def write(folder, count, seed, shift=0):
    """Stripes of changing width, and noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        stripes = 60 * np.sin(np.arange(64) / rng.uniform(2.5, 3.5))[None, :, None]
        pixels = 120 + shift + stripes + rng.uniform(0, 30, (64, 64, 3))
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of 30 good images, with one exported file."""
    root = tmp_path_factory.mktemp("folds")
    write(root / "good", GOOD, 0)
    arguments = ["--dataset", "folder", "--data-dir", str(root / "good"), "--runs-dir", str(root), "--name", "run"]
    train(parse_config([*TINY, *arguments]))
    export(Export(root / "run", ("float32",)))
    return root / "run"


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def learned(run):
    counts = read(run / "config.json")["counts"]
    return counts["train"] + counts["validation"] + counts["calibration"]


def test_few_photographs_are_calibrated_in_folds_by_default(trained):
    assert read(trained / "config.json")["options"]["calibration"] == "folds"
    threshold, known = read(trained / "threshold.json"), RunDirectory(trained).read_known()
    assert len(calibration_images(known)) == threshold["n"] == learned(trained)
    assert (threshold["folds"], threshold["guarantee"]) == (10, "approximate")
    fitted = fit_threshold("fpr", 0.01, calibration_scores(known)[0], folds=10)
    assert threshold["value"] == pytest.approx(fitted.value)


def check_the_report_of_good_images(run):
    """It lists all that set the threshold, shows those of the highest scores, and leaves no gap."""
    page = (run / "report.html").read_text(encoding="utf-8")
    rows = json.loads(re.search(r'id="rows">(.*?)</script>', page, re.DOTALL)[1])
    scores = sorted((one.pred_score for one in calibration_images(RunDirectory(run).read_known())), reverse=True)
    np.testing.assert_allclose(sorted(rows["score"], reverse=True), scores, rtol=1e-4)
    assert [float(score) for score in re.findall(r'title="score">([^<]+)', page)] == pytest.approx(scores[:6], rel=1e-3)
    shown = page.partition("Options:")[0].partition("<body>")[2].replace("<code>–</code>", "")  # options without value
    for gap in ("not available", "AUROC", "–"):
        assert gap not in shown


def test_the_report_shows_the_good_images_where_there_are_no_others(trained):
    check_the_report_of_good_images(trained)


def test_the_file_has_a_threshold_of_folds_that_is_the_runs(trained):
    entry = read(trained / "export/manifest.json")["files"]["float32"]
    threshold = read(trained / "threshold.json")
    assert entry["accepted"], entry["reasons"]
    assert entry["threshold"]["folds"] == threshold["folds"] and entry["threshold"]["n"] == threshold["n"]
    assert entry["threshold"]["value"] == pytest.approx(threshold["value"], rel=1e-3)
    card = (trained / "export/MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"{learned(trained)}" in card and "about" in card


def test_another_threshold_is_of_folds_in_run_and_file(run):
    maps = [run / "figures" / folder / "anomaly_maps.png" for folder in (".", "dark")]
    before = [path.read_bytes() for path in maps]
    set_threshold(SetThreshold(run, fpr=0.2))
    threshold = read(run / "threshold.json")
    check_the_report_of_good_images(run)
    assert "float32" in (run / "report.html").read_text(encoding="utf-8").partition('id="exported"')[2]
    assert all(path.read_bytes() != earlier for path, earlier in zip(maps, before, strict=True))  # another scale
    entry = read(run / "export/manifest.json")["files"]["float32"]["threshold"]
    scores = calibration_scores(RunDirectory(run).read_known())[0]
    assert 0 < np.mean(scores > threshold["value"]) <= 0.2
    assert threshold["folds"] == entry["folds"] == 10
    assert entry["value"] == pytest.approx(threshold["value"], rel=1e-3)


def test_more_good_images_join_all_those_that_set_the_threshold(run, tmp_path):
    set_threshold(SetThreshold(run, good=write(tmp_path / "more", NEW, 1)))
    threshold = read(run / "threshold.json")
    assert threshold["n"] == learned(run) == len(calibration_images(RunDirectory(run).read_known()))
    assert read(run / "export/manifest.json")["files"]["float32"]["threshold"]["n"] == threshold["n"]


def test_the_tolerance_of_an_export_holds_for_another_threshold(run):
    export(Export(run, ("float32",), tolerance=0.25))
    set_threshold(SetThreshold(run, fpr=0.2))
    assert read(run / "export/manifest.json")["compared_on"]["verdicts_may_differ"] == 0.25


def test_images_that_joined_later_have_no_part_in_the_statistics_of_a_file(run, tmp_path, monkeypatch):
    was_learned = [one.digest for name in GOOD_SPLITS for one in RunDirectory(run).read_known() if one.split == name]
    set_threshold(SetThreshold(run, good=write(tmp_path / "more", NEW, 1)))
    said = f"thresholds in folds): {len(was_learned)}\n", f"joined later (thresholds): {NEW}\n"
    assert all(line in (run / "export/MODEL_CARD.md").read_text(encoding="utf-8") for line in said)

    looks = []

    def refit(_model, _graph, images, scorer):
        looks.extend(images.as_numpy_iterator())
        return scorer

    monkeypatch.setattr("export.builder.refit", refit)
    export(Export(run, ("dynamic_int8",)))
    assert digests_of(looks[: len(was_learned)]) == was_learned and len(looks) % len(was_learned) == 0
    assert all(line in (run / "export/MODEL_CARD.md").read_text(encoding="utf-8") for line in said)
    assert read(run / "export/manifest.json")["files"]["dynamic_int8"]["threshold"]["n"] == len(was_learned) + NEW


def test_an_adapted_run_scores_old_and_new_images_in_folds(run, tmp_path):
    adapt(Adapt(run, write(tmp_path / "lamp", NEW, 1, shift=-30), name="new"))
    new = tmp_path / "new"
    known = RunDirectory(new).read_known()
    assert len(calibration_images(known)) == read(new / "threshold.json")["n"] == learned(run) + NEW
    assert read(new / "threshold.json")["folds"] == 10
    scores = [one.pred_score for one in known if one.added]
    assert len(scores) == NEW and None not in scores
    judged = read(new / "adaptation.json")["new good images"]
    assert judged["flagged_after"] == sum(score > read(new / "threshold.json")["value"] for score in scores)
