"""`piade evaluate`: what a run has learned is no test of it, wherever it lies now and whatever it is called."""

import csv
import functools
import json
import shutil
from pathlib import Path

import pytest
from folders import numbered, write

from piade_tf.cli.adapt import Adapt, adapt
from piade_tf.cli.evaluate import Evaluate, evaluate
from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import train
from piade_tf.errors import InputError

TINY = [
    *("--network.widths", "8", "--network.stem-stride", "4", "--network.magnifications", "1", "2"),
    *("--network.capsule-dim", "4", "--network.vector-dim", "8", "--network.upsampling", "8"),
    *("--encoder", "scratch", "--epochs", "1", "--image-size", "28", "--no-tensorboard", "--export"),
]
GOOD, BAD = 24, 3
TESTED = GOOD // 4 + BAD


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on classes without a split, and its photographs."""
    root = tmp_path_factory.mktemp("evaluate")
    write(root / "photos", [*numbered("good", GOOD), *numbered("scratch", BAD)])
    arguments = ["--dataset", "folder", "--data-dir", str(root / "photos"), "--runs-dir", str(root), "--name", "run"]
    train(parse_config([*TINY, *arguments]))
    return root


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained / "run", tmp_path / "run")


@pytest.fixture
def photos(trained, tmp_path):
    """A copy at another place."""
    return shutil.copytree(trained / "photos", tmp_path / "photos")


class Scoring(Exception):
    """The images are found; what follows takes long, and does not depend on where they came from."""


@pytest.fixture
def tested_by(monkeypatch):
    """The names of the images that a run is tested on."""

    def scoring(_inspection, test, *_):
        raise Scoring(*test.ids)

    def tested(run, **options):
        with pytest.raises(Scoring) as found:
            evaluate(Evaluate(run, **options))
        return list(found.value.args)

    monkeypatch.setattr("piade_tf.evaluation.results.labelled_results", scoring)
    return lambda run: functools.partial(tested, run)


@pytest.fixture
def tested(run, tested_by):
    return tested_by(run)


def names(run):
    with open(run / "scores.csv", newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def test_photographs_that_were_moved_are_parted_as_they_were_in_the_training(tested, run, photos, capsys, monkeypatch):
    monkeypatch.setattr("piade_tf.data.not_learned.not_learned", lambda *_: pytest.fail("each is read once more"))
    assert tested(data_dir=photos) == names(run) and len(names(run)) == TESTED
    assert f"{TESTED} images to test" in capsys.readouterr().out


def test_a_relative_path_in_another_folder_is_no_other_data_set(tested, run, photos, monkeypatch):
    config = json.loads((run / "config.json").read_text())
    config["options"]["data"]["data_dir"] = "elsewhere/photos"
    (run / "config.json").write_text(json.dumps(config))
    monkeypatch.chdir(photos.parent)
    assert tested(data_dir=Path("photos")) == names(run)


def test_a_run_finds_its_photographs_again_from_any_folder(trained, tmp_path, photos, monkeypatch):
    write(tmp_path / "here", numbered("new", 4))
    monkeypatch.chdir(trained)
    train(parse_config([*TINY, "--dataset", "folder", "--data-dir", "photos", "--runs-dir", str(tmp_path / "runs")]))
    (run,) = (tmp_path / "runs").iterdir()
    monkeypatch.chdir(tmp_path / "here")
    for name, data_dir, found in (("same", None, trained / "photos"), ("moved", Path("../photos"), photos)):
        adapt(Adapt(run, Path("new"), name=name, folds=0, data_dir=data_dir))
        config = json.loads((tmp_path / "runs" / name / "config.json").read_text())
        assert config["options"]["data"]["data_dir"] == str(found)


def test_a_run_that_parted_its_photographs_by_groups_knows_them_and_tests_others_whatever_their_names(
    trained, tmp_path, tested_by, photos, capsys
):
    by_groups = ["--group-by", r"/..(.)", "--data-dir", str(trained / "photos"), "--runs-dir", str(tmp_path)]
    train(parse_config([*TINY, "--dataset", "folder", *by_groups, "--name", "grouped"]))
    run, tested = tmp_path / "grouped", tested_by(tmp_path / "grouped")
    assert tested() == tested(data_dir=photos) == names(run)
    assert "note" not in capsys.readouterr().out
    write(tmp_path / "other", numbered("fine/lot", 4))
    assert len(tested(data_dir=tmp_path / "other", normal_class="fine")) == 4


def test_what_was_added_since_is_tested_and_what_was_learned_is_not(tested, run, photos, capsys):
    write(photos, numbered("good/new", 4))
    assert sorted(tested(data_dir=photos)) == sorted([*names(run), *numbered("good/new", 4)])
    learned = GOOD - GOOD // 4
    assert f"note: {learned} of {GOOD + BAD + 4} images were learned or held out" in capsys.readouterr().out


def test_learned_images_under_other_names_are_left_out_unless_they_are_called_bad(tested, run, photos, tmp_path):
    learned = sorted({path.name for path in (photos / "good").iterdir()} - {name[-7:] for name in names(run)})
    other = tmp_path / "other" / "test"
    write(other, ["good/new.png", "scratch/new.png"])
    shutil.copy(photos / "good" / learned[0], other / "good" / "renamed.png")
    shutil.copy(photos / "good" / learned[1], other / "scratch" / "taught_as_good.png")
    found = tested(data_dir=tmp_path / "other")
    assert found == ["test/good/new.png", "test/scratch/new.png", "test/scratch/taught_as_good.png"]


def test_images_that_were_all_learned_are_refused_in_one_line(run, photos):
    shutil.rmtree(photos / "scratch")
    for name in names(run)[: GOOD // 4]:
        (photos / name).unlink()
    with pytest.raises(InputError, match="all 18 images were learned") as error:
        evaluate(Evaluate(run, data_dir=photos))
    assert "\n" not in str(error.value)


def test_a_run_that_does_not_know_its_images_says_so(tested, run, photos, capsys):
    (run / "known_images.csv").unlink()
    assert tested(data_dir=photos) == names(run)
    assert "earlier version" not in capsys.readouterr().out
    (photos / "good/000.png").unlink()
    tested(data_dir=photos)
    assert "earlier version, which did not keep what it learned" in capsys.readouterr().out
