"""train.py from end to end: what a run leaves behind, and what a mistake does."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from event_files import Log
from PIL import Image

import layers  # noqa: F401
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import train

ROOT = Path(__file__).parents[1]
# A network that is quick to trace.
TINY = [
    *("--network.widths", "8", "--network.stem-stride", "4", "--network.magnifications", "1", "2"),
    *("--network.capsule-dim", "4", "--network.vector-dim", "8", "--network.upsampling", "8"),
]


def run_train(*arguments):
    return subprocess.run(
        [sys.executable, "train.py", "--export", *map(str, arguments)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`python train.py` on the digits for two epochs."""
    runs = tmp_path_factory.mktemp("runs")
    process = run_train("--normal-class", 3, "--epochs", 2, "--image-size", 28, "--runs-dir", runs, "--name", "run")
    assert process.returncode == 0, process.stderr[-4000:]
    return SimpleNamespace(process=process, runs=runs, path=runs / "run")


@pytest.fixture
def mistaken(tmp_path, capsys):
    """Runs train.py's functions on a mistake: returns its one line, having checked that nothing is left."""

    def run(arguments, left=()):
        with pytest.raises(SystemExit) as stop, errors_in_one_line():
            train(parse_config(["--export", *TINY, "--epochs", "2", "--runs-dir", str(tmp_path / "runs"), *arguments]))
        assert stop.value.code == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and err.count("\n") == 1
        found = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("runs/**/*") if path.is_file()}
        assert found == set(left)
        assert bool(left) or not list(tmp_path.glob("runs/*"))
        return err

    return run


# === A run ===


def test_a_run_leaves_a_complete_directory_and_nothing_else(run):
    assert [path.name for path in run.runs.iterdir()] == ["run"]
    assert {path.name for path in run.path.iterdir()} == {
        *("config.json", "model.keras", "scorer.npz", "threshold.json", "map_threshold.json", "metrics.json"),
        *("scores.csv", "known_images.csv", "history.csv", "figures", "logs", "report.html", ".lock"),
    }
    for path in (run.path / "figures").rglob("*.png"):
        with Image.open(path) as picture:
            picture.verify()
            assert picture.format == "PNG"
    assert {"reconstructions.png", "roc.png"} <= {path.name for path in (run.path / "figures").iterdir()}


def test_metrics_agree_with_the_scores_of_every_image(run):
    metrics = json.loads((run.path / "metrics.json").read_text())
    with open(run.path / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([int(row["gt_label"]) for row in rows])
    assert [row["class"] == "3" for row in rows] == (labels == 0).tolist()
    assert (metrics["n_normal"], metrics["n_anomalous"]) == (np.sum(labels == 0), np.sum(labels == 1))

    def auroc(column):
        scores = np.array([float(row[column]) for row in rows])
        normal, anomalous = scores[labels == 0][:, None], scores[labels == 1]
        return np.mean((anomalous > normal) + 0.5 * (anomalous == normal))

    assert metrics["image_AUROC"] == pytest.approx(auroc("pred_score"), abs=1e-9)
    assert set(metrics["image_AUROC_by_score"]) == {"combined", "reconstruction", "latent", "embedding", "local"}
    for name, value in metrics["image_AUROC_by_score"].items():
        assert value == pytest.approx(auroc(f"score_{name}"), abs=1e-9)
    assert metrics["image_AUROC"] == metrics["image_AUROC_by_score"]["combined"]
    assert metrics["epochs"] == 2
    assert {"image_AUPR", "image_F1Max", "train_seconds"} <= set(metrics)


def test_the_options_are_kept(run):
    config = json.loads((run.path / "config.json").read_text())
    assert config["options"]["data"]["normal_class"] == "3"
    assert config["options"]["training"]["epochs"] == 2
    assert config["image_shape"] == [28, 28, 1]


def test_the_network_loads_and_reconstructs(run):
    network = keras.models.load_model(run.path / "model.keras")
    reconstruction = network(np.zeros((1, 28, 28, 1), "float32"))["reconstruction"]
    assert np.isfinite(reconstruction).all()


def test_tensorboard_shows_the_training_and_the_result(run):
    metrics = json.loads((run.path / "metrics.json").read_text())
    log = Log(run.path / "logs")
    assert {"options", "examples/normal", "examples_anomaly_map/anomalous", "figures/roc"} <= log.tags
    assert log.values("result/image_AUROC") == [pytest.approx(metrics["image_AUROC"])]
    for name in ("train", "validation"):
        assert Log(run.path / "logs" / name).steps("loss/total") == [1, 2]


def test_it_ends_with_the_metrics_the_path_and_the_two_commands_that_come_next(run):
    metrics = json.loads((run.path / "metrics.json").read_text())
    lines = run.process.stdout.splitlines()
    assert f"Run directory: {run.path}" in lines and any("Running on the CPU" in line for line in lines)
    assert f"python -m piade_tf predict {run.path} PHOTOS" in lines[-2]
    assert lines[-1].endswith(f"python -m piade_tf export {run.path}")
    (row,) = [line for line in lines if "image AUROC " in line and "of" not in line]
    assert f"{metrics['image_AUROC']:.4f}" in row


def test_a_good_run_says_nothing_on_stderr(run):
    assert run.process.stderr == ""


# === Mistakes ===


def test_a_mistake_found_after_tensorflow_was_imported_is_one_line_on_stderr(tmp_path):
    process = run_train("--normal-class", "ten", "--runs-dir", tmp_path / "runs")
    assert process.returncode == 2
    assert process.stderr.startswith("error: --normal-class: no class 'ten'")
    assert process.stderr.count("\n") == 1
    assert process.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--normal-class 10", "no class '10'; choose one of 0, 1, 2"),
        ("--dataset mnist --data-dir MISSING", "does not exist"),
        ("--dataset mnist --data-dir EMPTY", "is empty"),
        ("--dataset mnist --data-dir FILE", "is a file"),
        ("--dataset fashion_mnist --data-dir OTHER", "holds neither"),
        ("--dataset fashion_mnist --data-dir TRUNCATED", "train-images-idx3-ubyte.gz"),
        ("--image-size 27", "28 to 1024"),
        ("--image-size 1025", "28 to 1024"),
        ("--network.magnifications 1 64", "64"),
        ("--network.capsule-dim 7", "7"),
        ("--runs-dir FILE/runs", "--runs-dir"),
        ("--runs-dir FILE", "--runs-dir"),
        ("--name ../outside", "--name"),
        ("--loss.mse 0 --loss.ssim 0", "--loss.mse"),
        ("--encoder efficientnet_lite0 --image-size 64", "--network.widths and --network.stem-stride can shape"),
        (
            "--network.widths --network.stem-stride 0 --encoder efficientnet_lite0 --encoder-weights MISSING "
            "--image-size 64",
            "error: cannot read the weights",
        ),
        ("--loss.ssim-window 99", "window"),
        ("--loss.ssim 0 --loss.ssim-window 99", "window"),
        ("--image-size 0", "28 to 1024"),
        ("--image-size -5", "28 to 1024"),
        ("--batch-size 0", "batch"),
        ("--epochs 0", "epochs"),
        ("--epochs -1", "epochs"),
        ("--learning-rate nan", "learning"),
        ("--seed -1", "seed"),
        ("--noise -1", "noise"),
        ("--turns 1.5", "turns"),
        ("--crop 28 20", "28 to 1024"),
        ("--crop 40", "larger than the image"),
        ("--image-size 28 28 28", "one number or two"),
        ("--dataset folder", "needs --data-dir"),
        ("--dataset folder --data-dir OTHER", "1 of 1 images cannot be read"),
        ("--dataset mvtec --data-dir OTHER", "has no categories"),
        ("--category bottle", "--category belongs to --dataset mvtec"),
        ("--dataset imagenet", "no data set 'imagenet'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(mistaken, tmp_path, arguments, message):
    places = {name: tmp_path / name.lower() for name in ("MISSING", "EMPTY", "FILE", "OTHER", "TRUNCATED")}
    places["FILE"].write_text("text")
    for name in ("EMPTY", "OTHER", "TRUNCATED"):
        places[name].mkdir()
    (places["OTHER"] / "holiday.jpg").write_text("text")
    (places["TRUNCATED"] / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b\x08\x00")
    for name, path in places.items():
        arguments = arguments.replace(name, str(path))
    assert message in mistaken(arguments.split())


def test_a_name_that_is_taken_keeps_what_is_there(mistaken, tmp_path):
    (tmp_path / "runs" / "run").mkdir(parents=True)
    (tmp_path / "runs" / "run" / "model.keras").write_text("precious")
    assert "exists already" in mistaken(["--name", "run"], left=["runs/run/model.keras"])
    assert (tmp_path / "runs" / "run" / "model.keras").read_text() == "precious"


def test_a_loss_that_is_not_finite_keeps_the_last_good_weights(mistaken, tmp_path):
    arguments = ["--image-size", "28", "--learning-rate", "1e30", "--name", "run", "--no-tensorboard"]
    left = ["runs/run/.lock", "runs/run/config.json", "runs/run/model.keras"]
    assert "NaN or infinite" in mistaken(arguments, left=left)
    network = keras.models.load_model(tmp_path / "runs" / "run" / "model.keras")
    assert all(np.isfinite(weight).all() for weight in network.get_weights())


def test_an_image_that_goes_while_training_is_named(mistaken, tmp_path, monkeypatch):
    good = tmp_path / "data" / "good"
    good.mkdir(parents=True)
    for i in range(12):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (28, 28), "uint8")).save(good / f"{i}.bmp")
    monkeypatch.setattr("piade_tf.report.terminal.show_start", lambda *_: [path.unlink() for path in good.iterdir()])
    arguments = ["--dataset", "folder", "--data-dir", tmp_path / "data", "--image-size", "28", "--cache", "none"]
    said = mistaken(
        [*map(str, arguments), "--name", "run", "--no-tensorboard"],
        left=["runs/run/.lock", "runs/run/checkpoints/begun.json", "runs/run/config.json"],
    )
    assert f"error: {good}" in said and ".bmp does not exist" in said and "go on with it: " in said
