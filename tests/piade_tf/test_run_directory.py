"""The run directory: its name, and what is written into it."""

import csv
import dataclasses
import datetime
import importlib.metadata
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest

from piade_tf.cli.evaluate import Evaluate, _make
from piade_tf.config import Config, DataConfig
from piade_tf.data.source import Skipped
from piade_tf.errors import InputError
from piade_tf.evaluation.scored_split import Scored
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.run_directory import RunDirectory


@pytest.fixture
def config(tmp_path, tiny):
    return Config(runs_dir=tmp_path / "runs", name="run", network=tiny)


def create(config, normal_class):
    return RunDirectory.create(config.runs_dir, config.name, (config.data.dataset, normal_class))


def write_config(run, config, splits):
    resolved = dataclasses.replace(config, network=config.network.for_image(*splits.image_shape[:2]))
    return run.write_config(dataclasses.asdict(resolved), {"epochs": 3}, splits)


def refuses(config, message):
    with pytest.raises(InputError, match=message) as excinfo:
        create(config, "up")
    assert "\n" not in str(excinfo.value)


def test_is_made_under_the_runs_directory_with_its_parents(config, tmp_path):
    config = dataclasses.replace(config, runs_dir=tmp_path / "a" / "b")
    run = create(config, "up")
    assert run.path == tmp_path / "a" / "b" / "run"
    assert list(run.path.iterdir()) == []


def test_without_a_name_it_is_called_after_data_set_class_and_time(config):
    config = dataclasses.replace(config, name=None, data=DataConfig("fashion_mnist"))
    name = create(config, "T-shirt/top").path.name
    assert re.fullmatch(r"fashion_mnist-T-shirt_top-\d{8}-\d{6}", name)


def test_runs_of_one_second_have_folders_of_their_own(config, monkeypatch):
    class Frozen(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 12, 1, 8, 30, 15)

    monkeypatch.setattr("piade_tf.new_folder.datetime.datetime", Frozen)
    config = dataclasses.replace(config, name=None, data=DataConfig("mnist"))
    with ThreadPoolExecutor(8) as pool:
        paths = [run.path for run in pool.map(lambda _: create(config, "3"), range(24))]
    first = config.runs_dir / "mnist-3-20261201-083015"
    assert sorted(paths) == sorted([first, *(Path(f"{first}-{number}") for number in range(2, 25))])
    Path(f"{first}-25").write_text("precious")
    assert create(config, "3").path == Path(f"{first}-26")
    evaluations = [_make(Evaluate(first), "folder") for _ in range(3)]
    assert [path.name for path in evaluations] == [f"folder-20261201-083015{end}" for end in ("", "-2", "-3")]


@pytest.mark.parametrize("label", ["部" * 85, "a" * 255, "\udce9" * 255])
def test_a_label_that_is_too_long_for_a_name_keeps_the_time(config, label):
    name = create(dataclasses.replace(config, name=None), label).path.name
    assert len(os.fsencode(name)) <= 255 and re.search(r"-\d{8}-\d{6}$", name)


@pytest.mark.parametrize("name", ["", "..", ".", "../outside", "a/b", "/tmp/absolute", "a/"])
def test_refuses_a_name_that_leaves_the_folder(config, name):
    refuses(dataclasses.replace(config, name=name), "--name must be a plain name")
    assert not config.runs_dir.exists()


def test_refuses_a_name_that_no_file_system_takes(config):
    refuses(dataclasses.replace(config, name="ä" * 128), "--name has 256 bytes, more than the 255")
    assert create(dataclasses.replace(config, name="a" * 255), "3").path.is_dir()


def test_a_class_that_looks_like_a_path_stays_in_the_folder(config):
    config = dataclasses.replace(config, name=None, data=DataConfig("mnist"))
    assert create(config, "../../x").path.parent == config.runs_dir


@pytest.mark.parametrize("taken", ["directory", "file"])
def test_refuses_a_name_that_is_taken_and_leaves_it_alone(config, taken):
    path = config.runs_dir / "run"
    config.runs_dir.mkdir()
    if taken == "directory":
        (path / "checkpoints").mkdir(parents=True)
        (path / "checkpoints" / "mine").write_text("precious")
    else:
        path.write_text("precious")
    refuses(config, "run exists already; choose another --name")
    assert list(config.runs_dir.iterdir()) == [path]
    assert (path / "checkpoints" / "mine" if taken == "directory" else path).read_text() == "precious"


@pytest.mark.parametrize("left", ["", "checkpoints", "checkpoints/.4711-0a1b2c3d.json"])
def test_takes_a_folder_in_which_a_killed_process_had_not_begun(config, left):
    path = config.runs_dir / "run" / left
    path.parent.mkdir(parents=True)
    path.write_text("{}") if path.suffix else path.mkdir(exist_ok=True)
    assert create(config, "3").path == config.runs_dir / "run"
    assert not list((config.runs_dir / "run").iterdir())


def test_refuses_a_runs_directory_below_a_file(config, tmp_path):
    (tmp_path / "file").write_text("precious")
    refuses(dataclasses.replace(config, runs_dir=tmp_path / "file" / "runs"), "--runs-dir .*file is a file")


def test_refuses_a_runs_directory_that_is_a_file(config, tmp_path):
    (tmp_path / "file").write_text("precious")
    refuses(dataclasses.replace(config, runs_dir=tmp_path / "file"), "--runs-dir")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_refuses_a_runs_directory_that_cannot_be_written(config):
    config.runs_dir.mkdir(mode=0o500)
    refuses(config, "--runs-dir .*Permission denied")


def test_config_json_has_what_is_needed_to_run_it_again(config, splits):
    run = create(config, "up")
    write_config(run, config, splits)
    written = json.loads((run.path / "config.json").read_text())
    assert written["format_version"] == 1
    assert written["normal_class"] == "up"
    assert written["image_shape"] == [28, 28, 1]
    assert written["counts"] == {"train": 40, "validation": 20, "calibration": 20, "test": 13}
    assert written["data_fingerprint"] == splits.fingerprint
    for package in ("tensorflow", "keras", "numpy", "scikit-learn"):
        assert written["versions"][package] == importlib.metadata.version(package)
    assert written["git_commit"] is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", written["git_commit"])
    options = written["options"]
    assert set(options) == {field.name for field in dataclasses.fields(config)}
    assert options["training"] == dataclasses.asdict(config.training)
    assert options["loss"] == dataclasses.asdict(config.loss)
    assert options["runs_dir"] == str(config.runs_dir)


def test_config_json_has_the_network_with_everything_filled_in(config, splits, tiny):
    run = create(config, "up")
    write_config(run, config, splits)
    network = json.loads((run.path / "config.json").read_text())["options"]["network"]
    resolved = dataclasses.asdict(tiny.for_image(28, 28))
    assert network == {key: list(value) if isinstance(value, tuple) else value for key, value in resolved.items()}
    assert network["stem_kernel"] > 0 and network["decoder_widths"]


def test_a_network_is_written_and_read_back_without_its_training(config):
    run = create(config, "up")
    image = keras.Input((4,))
    network = keras.Model(image, keras.layers.Dense(2)(image))
    run.write_network(network)
    loaded = keras.models.load_model(run.path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], network.get_weights()[0])
    assert [path.name for path in run.path.iterdir()] == ["model.keras"]


def test_scores_csv_has_a_row_for_each_test_image(config, splits):
    run = create(config, "up")
    values = np.random.default_rng(0).normal(size=(3, 13)).astype("float32")
    threshold = fit_threshold("value:0.1", 0.01, values[0])
    run.write_scores(splits.test, Scored(values[0], {"a": values[1], "b": values[2]}), threshold)
    with open(run.path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image", "class", "gt_label", "pred_score", "pred_label", "score_a", "score_b"]
    assert [row["image"] for row in rows] == splits.test.ids.tolist()
    assert [row["class"] for row in rows] == splits.test.classes.tolist()
    assert [int(row["pred_label"]) for row in rows] == (values[0] > 0.1).tolist()
    assert [int(row["gt_label"]) for row in rows] == splits.test.labels.tolist()
    for column, expected in zip(["pred_score", "score_a", "score_b"], values, strict=True):
        np.testing.assert_array_equal(np.array([row[column] for row in rows], "float32"), expected)


def test_scores_csv_of_an_earlier_version_is_read_too(config, splits):
    run = create(config, "up")
    values = np.random.default_rng(0).normal(size=(2, 13)).astype("float32")
    run.write_scores(splits.test, Scored(values[0], {"a": values[1]}), fit_threshold("value:0.1", 0.01, values[0]))
    text = (run.path / "scores.csv").read_text()
    (run.path / "scores.csv").write_text(text.replace("gt_label", "label").replace("pred_label", "anomalous"))
    split, scored = run.read_scores()
    np.testing.assert_array_equal(split.labels, splits.test.labels)
    np.testing.assert_array_equal(scored.by_name["a"], values[1])


def test_metrics_with_a_number_that_is_none_are_not_written(config):
    run = create(config, "up")
    with pytest.raises(ValueError):
        run.write_metrics({"image_AUROC": float("nan")})
    assert list(run.path.iterdir()) == []


def test_skipped_files_are_listed_and_none_leave_no_list(config):
    run = create(config, "up")
    run.write_skipped(())
    assert list(run.path.iterdir()) == []
    run.write_skipped((Skipped("train/good/1.png", "is empty"), Skipped("train/good/2, 3.png", "is damaged")))
    with open(run.path / "skipped.csv", newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "reason"],
            ["train/good/1.png", "is empty"],
            ["train/good/2, 3.png", "is damaged"],
        ]
