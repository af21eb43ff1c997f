"""`piade adapt`: more good images in a new run; the old one is untouched."""

import csv
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
from piade_tf.data import digits
from piade_tf.data.known_images import calibration_scores
from piade_tf.errors import InputError
from piade_tf.evaluation.scored_split import score_split
from piade_tf.run_directory import RunDirectory
from piade_tf.run_lock import changing

TINY = [
    *("--network.widths", "8", "--network.stem-stride", "4", "--network.magnifications", "1", "2"),
    *("--network.capsule-dim", "4", "--network.vector-dim", "8", "--network.upsampling", "8"),
    *("--epochs", "4", "--image-size", "28", "--no-tensorboard", "--export"),
]
GOOD, BAD = 12, 5


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    train(parse_config([*TINY, "--runs-dir", str(runs), "--name", "run"]))
    return runs / "run"


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run to do as one likes with."""
    return shutil.copytree(trained, tmp_path / "runs" / "run")


def images_of(label, train=True):
    images = digits.load()[0 if train else 1]
    return images.images[images.labels == label][..., 0]


def write(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def good(tmp_path):
    """Zeros of another lamp."""
    rng = np.random.default_rng(0)
    zeros = images_of(0)[:GOOD].astype(int) * 0.9 + rng.integers(0, 20, (GOOD, 8, 8))
    return write(tmp_path / "good", zeros.astype("uint8"))


@pytest.fixture
def bad(tmp_path):
    return write(tmp_path / "bad", images_of(7)[:BAD])


@pytest.fixture(scope="module")
def adapted(trained, tmp_path_factory):
    """A run, adapted with new good and bad images, and what was there before."""
    folder = tmp_path_factory.mktemp("adapted")
    run = shutil.copytree(trained, folder / "run")
    before = contents(run)
    rng = np.random.default_rng(0)
    zeros = images_of(0)[:GOOD].astype(int) * 0.9 + rng.integers(0, 20, (GOOD, 8, 8))
    write(folder / "good", zeros.astype("uint8"))
    write(folder / "bad", images_of(7)[:BAD])
    adapt(Adapt(run, folder / "good", folder / "bad", "new", folds=2))
    return run, folder / "new", before


def contents(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_old_run_is_untouched_and_the_network_is_its_own(adapted):
    old, new, before = adapted
    assert contents(old) == before
    assert (new / "model.keras").read_bytes() == before["model.keras"]
    assert (new / "scorer.npz").read_bytes() != before["scorer.npz"]
    assert contents(new).keys() == before.keys() | {"adaptation.json"}


def test_new_good_images_are_divided_as_in_a_training_and_bad_ones_are_not_learned(adapted):
    old, new, _ = adapted
    known = RunDirectory(new).read_known()
    added = [one for one in known if one.added]
    assert len(added) == GOOD and {one.added for one in added} == {str(new.parent / "good")}
    assert {one.split for one in added} == {"train", "validation", "calibration"}
    counts, before = read(new / "config.json")["counts"], read(old / "config.json")["counts"]
    for name in ("train", "validation", "calibration"):
        assert counts[name] == before[name] + sum(one.split == name for one in added)
    assert counts["test"] == before["test"]
    assert read(new / "threshold.json")["n"] == counts["calibration"] == len(calibration_scores(known)[0])


def test_the_lineage_names_the_parent_and_what_was_added(adapted):
    old, new, _ = adapted
    lineage = read(new / "config.json")["lineage"]
    assert (lineage["parent"], lineage["images_added_in_all"]) == ("run", GOOD)
    assert lineage["good"] == str(new.parent / "good") and len(lineage["fingerprint_with_them"]) == 64
    assert read(new / "config.json")["data_fingerprint"] == read(old / "config.json")["data_fingerprint"]
    assert f"adapt {old}" in (new / "report.html").read_text(encoding="utf-8")


def test_it_counts_what_was_flagged_before_and_is_now(adapted):
    old, new, _ = adapted
    counts = read(new / "adaptation.json")
    assert counts["new bad images"]["images"] == BAD and counts["new bad images"]["anomalous"]
    assert counts["new good images"]["images"] == GOOD
    for side, run in (("before", old), ("after", new)):
        at = read(run / "metrics.json")["at_threshold"]
        assert counts["good test images"][f"flagged_{side}"] == at["FP"]
        assert counts["bad test images"][f"flagged_{side}"] == at["TP"]
        scores = calibration_scores(RunDirectory(run).read_known())[0][:20]
        flagged = np.sum(scores > read(run / "threshold.json")["value"])
        assert counts["held-out good images of the run"][f"flagged_{side}"] == flagged


def test_an_adapted_run_is_exported_and_adapted_again_with_all_its_images(adapted, tmp_path):
    _, new, _ = adapted
    run = shutil.copytree(new, tmp_path / "new")
    export(Export(run, ("float32",)))
    entry = read(run / "export/manifest.json")["files"]["float32"]
    assert entry["threshold"]["value"] == pytest.approx(read(run / "threshold.json")["value"], rel=1e-3, abs=1e-3)
    few = write(tmp_path / "few", images_of(0)[20:23] // 2)
    adapt(Adapt(run, few, name="third", folds=0))
    known = RunDirectory(tmp_path / "third").read_known()
    assert sum(bool(one.added) for one in known) == GOOD + 3
    assert {one.split for one in known if one.added == str(few)} == {"train"}  # too few to set a threshold with
    assert read(tmp_path / "third" / "config.json")["lineage"]["parent_lineage"]["parent"] == "run"


def test_test_images_that_are_learned_are_tested_on_no_more(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = write(tmp_path / "good", images_of(0, train=False)[:6])
    adapt(Adapt(run, good, name="new", folds=0))
    with open(tmp_path / "runs/new/scores.csv", newline="") as file:
        count = sum(1 for _ in csv.DictReader(file))
    assert count == read(run / "config.json")["counts"]["test"] - 6
    printed = capsys.readouterr().out
    assert "6 of them were test images" in printed
    assert "Run directory: runs/new, in" in printed and re.search(r"^Next: .* export runs/new$", printed, re.MULTILINE)


def test_a_threshold_set_by_hand_keeps_its_place_and_promises_nothing(run, good, tmp_path):
    normal = calibration_scores(RunDirectory(run).read_known())[0]
    set_threshold(SetThreshold(run, value=float(np.sort(normal)[-2])))
    adapt(Adapt(run, good, name="new", folds=0))
    found = calibration_scores(RunDirectory(tmp_path / "runs/new").read_known())[0][: len(normal)]
    threshold = read(tmp_path / "runs/new/threshold.json")
    assert threshold["value"] == pytest.approx(np.sort(found)[-2]) and threshold["promised_fpr"] is None


# === Mistakes ===


@pytest.fixture
def damaged(adapted, tmp_path):
    """A copy of the adapted run, and an image that was added to it and is cut short while the test lasts."""
    image = adapted[1].parent / "good" / "0.png"
    content = image.read_bytes()
    image.write_bytes(content[:60])
    yield shutil.copytree(adapted[1], tmp_path / "run"), image
    image.write_bytes(content)


def test_an_added_image_that_was_damaged_since_is_named(damaged, tmp_path, capsys):
    run, image = damaged
    few = write(tmp_path / "few", images_of(0)[20:23] // 2)
    with pytest.raises(InputError, match=f"{image} is damaged.*put it back") as error:
        adapt(Adapt(run, few, name="third", folds=0))
    assert "\n" not in str(error.value) and not (tmp_path / "third").exists()
    set_threshold(SetThreshold(run, fpr=0.2))  # its report has no pictures then
    assert f"note: the report is without pictures of images: {image} is damaged" in capsys.readouterr().out


def test_an_image_that_goes_while_it_is_scored_is_named(run, good, monkeypatch):
    def lost(*_):
        (good / "0.png").unlink()
        return score_split(*_)

    monkeypatch.setattr("piade_tf.evaluation.scored_split.score_split", lost)
    before = contents(run)
    with pytest.raises(InputError, match="good/0.png does not exist"):
        set_threshold(SetThreshold(run, good=good))
    assert contents(run) == before


@pytest.fixture
def refused(run, tmp_path):
    """Adapts in vain: returns the one line, having checked that nothing is left."""

    def refused(**options):
        before = contents(tmp_path / "runs")
        with pytest.raises(InputError) as error:
            adapt(Adapt(run, folds=0, **options))
        assert contents(tmp_path / "runs") == before and [path.name for path in run.parent.iterdir()] == ["run"]
        assert "\n" not in str(error.value)
        return str(error.value)

    return refused


def test_a_folder_with_nothing_new_is_named(refused, tmp_path):
    assert "known" in refused(good=write(tmp_path / "known", images_of(0)[:4]))


def test_a_folder_that_is_called_bad_is_not_learned(refused, tmp_path):
    assert "its parts are not good" in refused(good=write(tmp_path / "ng", images_of(7)[:4]))


def test_an_anomalous_test_image_is_not_taught_as_good(refused, tmp_path):
    mixed = write(tmp_path / "mixed", [*images_of(0, train=False)[:2], images_of(7, train=False)[0]])
    said = refused(good=mixed)
    assert "1 images in" in said and "mixed/2.png (" in said and "anomalous test images of the run" in said


ODD = [(np.zeros((8, 9), "uint8"), "9x8"), (np.full((8, 8, 3), (9, 0, 0), "uint8"), "colour")]


@pytest.mark.parametrize("pixels, named", ODD)
def test_images_of_another_size_or_colour_are_named(refused, tmp_path, pixels, named):
    said = refused(good=write(tmp_path / "odd", [pixels]))
    assert "odd/0.png" in said and named in said


def test_an_image_that_cannot_be_read_is_named(refused, good):
    (good / "cut.png").write_bytes((good / "0.png").read_bytes()[:40])
    assert "cut.png" in refused(good=good)


def test_an_image_cannot_be_good_and_bad(refused, good):
    assert "0.png" in refused(good=good, bad=write(good.parent / "both", [np.asarray(Image.open(good / "0.png"))]))


def test_images_of_the_run_that_are_gone_are_named(refused, run, good, tmp_path):
    config = read(run / "config.json")
    config["options"]["data"] |= {"dataset": "folder", "data_dir": str(tmp_path / "moved")}
    (run / "config.json").write_text(json.dumps(config))
    assert str(tmp_path / "moved") in refused(good=good)


def test_a_run_of_an_earlier_version_is_one_line(refused, run, good):
    (run / "known_images.csv").unlink()
    assert "earlier version" in refused(good=good)


def test_known_images_that_were_cut_short_are_one_line(refused, run, good):
    lines = (run / "known_images.csv").read_text().splitlines(keepends=True)
    (run / "known_images.csv").write_text("".join(lines[: len(lines) // 2]))
    assert "test images and the run" in refused(good=good)


@pytest.mark.parametrize("name", ["run", "../run"])
def test_a_name_that_is_taken_or_leaves_the_folder_is_refused(refused, good, name):
    assert "--name" in refused(good=good, name=name)


def test_a_run_that_another_process_is_changing_is_left_alone(run, good):
    with changing(run, "piade threshold"), pytest.raises(InputError, match="piade threshold"):
        adapt(Adapt(run, good, folds=0))


def test_only_what_an_adaptation_of_the_same_run_left_is_removed(run, good, monkeypatch):
    monkeypatch.setattr("piade_tf.cli.adapt._adapt", lambda *_: None)
    odd = run.rename(run.with_name("lot[1]"))
    left, of_another = run.with_name(".lot[1].adapting.x"), run.with_name(".lot1.adapting.x")
    left.mkdir()
    of_another.mkdir()
    adapt(Adapt(odd, good, name="new"))
    assert of_another.exists() and not left.exists()
