"""A run directory in use: the same scores as in training, from arrays and files, in Python and on the command line."""

import csv
import dataclasses
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from PIL import Image

import piade_tf.detector as detector_module
import piade_tf.model.inference as inference_module
from piade_tf import Detector, Unreadable
from piade_tf.cli.main import main
from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import train
from piade_tf.data import digits
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold

ROOT = Path(__file__).parents[2]
TINY = [
    *("--network.widths", "8", "16", "--network.magnifications", "1", "2", "--network.capsule-dim", "4"),
    *("--network.vector-dim", "6", "--network.upsampling", "8", "--epochs", "2", "--no-tensorboard"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the digit 3, and the first twelve test images as files."""
    root = tmp_path_factory.mktemp("detector")
    train(parse_config(["--export", *TINY, "--normal-class", "3", "--runs-dir", str(root), "--name", "run"]))
    images = digits.load()[1].images[:12]
    (root / "photos").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(root / "photos" / f"{i:02d}.png")
    with open(root / "run" / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return SimpleNamespace(path=root / "run", photos=root / "photos", images=images, rows=rows)


def command(*arguments):
    return main(list(map(str, arguments)))


def listed(content):
    """Standard input with these bytes."""
    return io.TextIOWrapper(io.BytesIO(content))


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        command(*arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


# === In Python ===


@pytest.mark.parametrize("as_given", [lambda image: image[..., 0], lambda image: image, lambda image: image[None]])
def test_one_bare_array_is_one_image(run, as_given):
    detector = Detector.load(run.path)
    (expected,) = detector.predict([run.images[0]])
    (found,) = detector.predict(as_given(run.images[0]))
    assert found.pred_score == pytest.approx(expected.pred_score, abs=1e-6)


def test_a_picture_of_pillows_gives_what_its_file_gives(run, tmp_path):
    detector = Detector.load(run.path)
    grey = Image.fromarray(run.images[0][..., 0])
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.save(tmp_path / "turned.png", exif=exif)
    grey.convert("P").save(tmp_path / "palette.png")
    grey.convert("RGBA").save(tmp_path / "alpha.png")
    for path in tmp_path.iterdir():
        (expected,) = detector.predict(path)
        with Image.open(path) as image:
            assert detector.predict(image)[0].pred_score == expected.pred_score, path
        with Image.open(path) as image:
            assert detector.predict([image, run.images[0]])[0].pred_score == pytest.approx(expected.pred_score)


@pytest.mark.parametrize("shape", [lambda one: one, lambda one: one[None], lambda one: [one]])
def test_a_fourth_channel_is_dropped_as_in_files(run, shape):
    detector = Detector.load(run.path)
    colour = np.repeat(run.images[0], 3, -1)
    with_alpha = np.dstack([colour, np.full(colour.shape[:2], 9, "uint8")])
    (found,), (expected,) = detector.predict(shape(with_alpha)), detector.predict([colour])
    assert found.pred_score == pytest.approx(expected.pred_score, abs=1e-6)


def test_an_array_of_another_shape_is_refused_by_its_shape(run):
    for shape in ((5,), (2, 8, 8), (1, 2, 8, 8, 3)):
        with pytest.raises(InputError, match=re.escape(str(shape))):
            Detector.load(run.path).predict(np.zeros(shape, "uint8"))


def test_sixteen_bit_arrays_are_those_of_files(run, tmp_path):
    deep = run.images[0][..., 0].astype("uint16") * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    detector = Detector.load(run.path)
    from_file, from_array, plain = (detector.predict(one)[0] for one in (tmp_path / "deep.png", deep, run.images[0]))
    assert from_file.pred_score == from_array.pred_score == plain.pred_score


def test_what_the_bits_of_the_run_cut_off_is_not_called_normal(run, tmp_path):
    detector = Detector.load(run.path)
    detector = dataclasses.replace(detector, preparation=dataclasses.replace(detector.preparation, bits=12))
    values = np.full((64, 64), 4095, "uint16")
    values[0, 0] = 60_000  # a hot pixel
    assert detector.predict(values)
    values[:8] = 5000
    Image.fromarray(values).save(tmp_path / "deep.png")
    with Image.open(tmp_path / "deep.png") as picture:
        for result in detector.stream([tmp_path / "deep.png", values, picture]):
            assert "5000" in result.reason and "12 bits" in result.reason and "--bits" in result.reason


def test_three_lines_of_python_give_the_scores_of_the_run(run):
    detector = Detector.load(run.path)
    predictions = detector.predict(run.images)
    scores = [prediction.pred_score for prediction in predictions]
    np.testing.assert_allclose(scores, [float(row["pred_score"]) for row in run.rows[:12]], rtol=1e-4, atol=1e-4)
    assert [prediction.pred_label for prediction in predictions] == [row["pred_label"] == "1" for row in run.rows[:12]]
    assert [prediction.path for prediction in predictions] == [str(i) for i in range(12)]
    first = predictions[0]
    assert first.image.shape == first.reconstruction.shape == (32, 32, 1) and first.anomaly_map.shape == (32, 32)
    assert first.image.dtype == first.reconstruction.dtype == "uint8" and (first.anomaly_map >= 0).all()


def test_a_hundred_frames_are_traced_once_and_memory_stays_flat(run, monkeypatch):
    detector = Detector.load(run.path)
    first = detector.predict(run.images[:1])[0].pred_score
    monkeypatch.setattr("piade_tf.model.inference._traced", lambda *_: pytest.fail("traced again"))
    for _ in range(20):
        detector.predict(run.images[:1])
    before = psutil.Process().memory_info().rss
    for _ in range(100):
        (prediction,) = detector.predict(run.images[:1])
    assert prediction.pred_score == first
    assert psutil.Process().memory_info().rss - before < 50 << 20


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_paths_give_what_their_pixels_give_in_batches_of_any_size(run, batch_size):
    detector = Detector.load(run.path)
    paths = sorted(run.photos.iterdir())
    from_paths = detector.predict(paths, batch_size)
    for one, other in zip(from_paths, detector.predict(run.images), strict=True):
        assert one.pred_score == pytest.approx(other.pred_score, rel=1e-4, abs=1e-4)
        np.testing.assert_array_equal(one.image, other.image)
    assert [one.path for one in from_paths] == [str(path) for path in paths]


def test_the_percentile_is_among_the_normal_scores(run):
    stored = json.loads((run.path / "threshold.json").read_text())
    for prediction in Detector.load(run.path).predict(run.images):
        below = np.searchsorted(stored["quantiles"], prediction.pred_score)  # of 101 quantiles, a percent apart
        assert max(0, below - 1) <= prediction.percentile <= min(100, below)
        assert prediction.pred_label == (prediction.pred_score > stored["value"])


def test_images_of_any_size_and_colour_are_taken(run):
    detector = Detector.load(run.path)
    colour = np.repeat(np.kron(run.images[0], np.ones((9, 9, 1), "uint8")), 3, -1)
    grey = colour[..., 0]
    one, other = detector.predict([colour, grey])
    assert one.pred_score == pytest.approx(other.pred_score, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("wrong", [np.zeros((8, 8), "float32"), np.zeros((8, 8, 2), "uint8"), np.zeros(8, "uint8")])
def test_what_is_no_image_is_refused(run, wrong):
    with pytest.raises(InputError, match="expected uint8"):
        Detector.load(run.path).predict([run.images[0], wrong])


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_no_verdict(run, tmp_path, monkeypatch, capsys, score):
    def run_over(batches, _live):
        for batch in batches:
            yield {"pred_score": np.where(np.arange(len(batch)) == 1, score, -99.0)}

    detector = Detector.load(run.path)
    monkeypatch.setattr(Detector, "_runner", lambda *_: run_over)
    first, second, third = detector.stream(run.images[:3])
    assert not first.anomalous and not third.anomalous and "no number" in second.reason
    assert command("predict", run.path, run.photos, "--json", tmp_path / "t.json") == 2
    images = json.loads((tmp_path / "t.json").read_text(), parse_constant=pytest.fail)["images"]
    assert images[1]["pred_score"] is None and images[1]["verdict"].startswith("unreadable: has the score")
    assert "0 anomalous and 11 normal of 12 images" in capsys.readouterr().out


def test_one_path_will_do(run):
    (prediction,) = Detector.load(run.path).predict(str(run.photos / "00.png"))
    assert prediction.path == str(run.photos / "00.png")


def test_paths_and_arrays_may_come_together(run):
    found = Detector.load(run.path).predict([run.images[0], run.photos / "00.png"])
    assert [one.path for one in found] == ["0", str(run.photos / "00.png")]
    assert found[0].pred_score == found[1].pred_score


def test_a_camera_gets_each_verdict_before_its_next_frame_is_asked_for(run):
    asked = []

    def camera():
        for number, image in enumerate(run.images):
            asked.append(number)
            yield image

    detector = Detector.load(run.path)
    for number, result in enumerate(detector.stream(camera())):
        assert asked == list(range(number + 1)) and result.path == str(number)
    assert len(asked) == 12
    expected = [one.pred_score for one in detector.predict(run.images)]
    found = [one.pred_score for one in detector.stream(iter(run.images))]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_strip_too_long_to_be_cropped_is_unreadable_and_the_next_image_is_scored(run):
    detector = Detector.load(run.path)
    cropping = dataclasses.replace(detector, preparation=dataclasses.replace(detector.preparation, resize="crop"))
    strip, image = cropping.stream([np.zeros((1, 2_000_000), "uint8"), run.images[0]])
    assert isinstance(strip, Unreadable) and "of which --resize crop would first make" in strip.reason
    assert image.pred_score == pytest.approx(detector.predict(run.images[0])[0].pred_score, rel=1e-4)


def test_a_camera_that_never_ends_is_read_in_bounded_memory(run):
    detector = Detector.load(run.path)
    frames = detector.stream(itertools.repeat(run.images[0]))
    for _ in range(20):
        next(frames)
    before = psutil.Process().memory_info().rss
    for _ in range(200):
        next(frames)
    assert psutil.Process().memory_info().rss - before < 30 << 20


def test_paths_are_read_ahead_but_not_all_at_once(run, monkeypatch):
    read = []
    content = detector_module.read_content
    monkeypatch.setattr(detector_module, "read_content", lambda path: read.append(path) or content(path))
    stream = Detector.load(run.path).stream([run.photos / "00.png"] * 100, batch_size=4)
    next(stream)
    assert 4 <= len(read) < 40
    assert len(list(stream)) == 99 and len(read) == 100


def test_threads_may_share_a_detector(run):
    detector = Detector.load(run.path)
    expected = [one.pred_score for one in Detector.load(run.path).predict(run.images)]
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda _: [one.pred_score for one in detector.predict(run.images)], range(16)))
    np.testing.assert_allclose(many, [expected] * 16, rtol=1e-4, atol=1e-4)


def test_lists_of_any_length_are_traced_for_few_lengths(run, monkeypatch):
    traced = []
    trace = inference_module._traced
    monkeypatch.setattr(
        inference_module, "_traced", lambda model, length: traced.append(length) or trace(model, length)
    )
    detector = Detector.load(run.path)
    for count in range(1, 13):
        assert len(detector.predict(run.images[:count])) == count
    assert traced == [1, 2, 4, 8, 16]


# === predict ===


def test_a_folder_is_scored_with_all_that_links_and_endings_hide_and_the_rest_is_named(run, tmp_path, capsys):
    lot = tmp_path / "lot"
    lot.mkdir()
    (lot / "monday").symlink_to(run.photos)
    shutil.copy(run.photos / "00.png", lot / "photo.jpe")
    (lot / "film.mov").write_bytes(b"x")
    (lot / "shut").symlink_to(tmp_path / "unplugged")
    (lot / "._00.png").write_bytes(b"x")
    assert command("predict", run.path, lot, "--csv", tmp_path / "t.csv") == 2
    text = capsys.readouterr()
    for name in ("film.mov", "shut"):
        assert name in text.err
    assert "of 15 images" in text.out and "2 could not be read" in text.out and "._00.png" in text.out
    with open(tmp_path / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    assert [Path(row["path"]).name for row in rows if row["verdict"].startswith("unreadable")] == ["film.mov", "shut"]


def test_a_folder_of_films_alone_is_not_normal(run, tmp_path, capsys):
    (tmp_path / "film.MP4").write_bytes(b"x")
    assert command("predict", run.path, tmp_path) == 2
    assert "film.MP4" in capsys.readouterr().err


def test_predict_prints_a_table_and_writes_csv_json_and_heatmaps(run, tmp_path, capsys):
    files = {name: tmp_path / f"table.{name}" for name in ("csv", "json")}
    code = command(
        "predict", run.path, run.photos, "--csv", files["csv"], "--json", files["json"], "--heatmaps", tmp_path / "maps"
    )
    printed = capsys.readouterr().out.splitlines()
    with open(files["csv"], newline="") as file:
        rows = list(csv.DictReader(file))
    content = json.loads(files["json"].read_text())
    anomalous = sum(row["pred_label"] == "1" for row in run.rows[:12])
    assert code == (1 if anomalous else 0)
    assert [row["pred_label"] for row in rows] == [row["pred_label"] for row in run.rows[:12]]
    assert [row["verdict"] == "anomalous" for row in rows] == [row["pred_label"] == "1" for row in rows]
    assert [(image["pred_label"], image["verdict"]) for image in content["images"]] == [
        (int(row["pred_label"]), row["verdict"]) for row in rows
    ]
    assert [image["path"] for image in content["images"]] == [row["path"] for row in rows]
    np.testing.assert_allclose([float(row["pred_score"]) for row in rows], [i["pred_score"] for i in content["images"]])
    assert len(printed) == 14 and printed[-1].startswith(f"{anomalous} anomalous and {12 - anomalous} normal of 12")
    pictures = sorted((tmp_path / "maps").iterdir())
    folder = run.photos.name
    named = [f"{i:05d}_{row['verdict']}_{folder}_{i:02d}.png" for i, row in enumerate(rows)]
    assert [path.name for path in pictures] == named
    assert [row["heatmap"] for row in rows] == [str(path) for path in pictures]
    assert [image["heatmap"] for image in content["images"]] == [str(path) for path in pictures]
    assert all(Image.open(path).size[0] > 800 for path in pictures)


def test_without_heatmaps_the_tables_have_no_such_column_and_a_file_that_is_none_has_no_picture(run, tmp_path):
    broken = tmp_path / "a\nb.png"
    broken.write_text("notes")
    arguments = ("predict", run.path, broken, run.photos / "00.png", "--csv", tmp_path / "t.csv")
    command(*arguments)
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "path,pred_score,percentile,pred_label,verdict"
    command(*arguments, "--json", tmp_path / "t.json", "--heatmaps", tmp_path / "maps")
    with open(tmp_path / "t.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["path"] == f"{tmp_path}/a\\nb.png" and first["heatmap"] == "" and second["heatmap"]
    first, second = json.loads((tmp_path / "t.json").read_text())["images"]
    assert first["path"] == str(broken) and first["heatmap"] is None
    assert second["heatmap"] == str(tmp_path / "maps" / f"00001_{second['verdict']}_photos_00.png")


def test_the_exit_code_is_zero_where_all_are_normal(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    threshold = Threshold.read(run.path / "threshold.json")
    dataclasses.replace(threshold, value=1e9).write(tmp_path / "run" / "threshold.json")
    assert command("predict", tmp_path / "run", run.photos / "00.png") == 0
    dataclasses.replace(threshold, value=-1e9).write(tmp_path / "run" / "threshold.json")
    assert command("predict", tmp_path / "run", run.photos / "00.png") == 1


def test_an_unreadable_image_is_named_the_others_are_scored_and_the_code_is_two(run, tmp_path, capsys):
    (tmp_path / "notes.png").write_text("notes")
    assert command("predict", run.path, run.photos / "00.png", tmp_path / "notes.png", run.photos / "01.png") == 2
    printed = capsys.readouterr()
    assert (
        printed.err
        == f"error: {tmp_path / 'notes.png'} is no image in one of PNG, JPEG, BMP, GIF, WEBP, TIFF, HEIF, AVIF, PPM\n"
    )
    assert printed.out.splitlines()[-1].endswith(
        "of 3 images, threshold " + printed.out.split("threshold ")[-1].strip()
    )
    assert "1 could not be read" in printed.out


def test_paths_come_from_patterns_and_standard_input(run, monkeypatch, capsys):
    command("predict", run.path, str(run.photos / "0*.png"))
    assert "of 10 images" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", listed(f"{run.photos / '03.png'}\n\n{run.photos / '04.png'}\r\n".encode()))
    command("predict", run.path, "-")
    printed = capsys.readouterr().out
    assert "of 2 images" in printed and "03.png" in printed


def test_paths_with_line_breaks_come_from_find_print0(run, tmp_path, monkeypatch, capsys):
    shutil.copy(run.photos / "03.png", tmp_path / "a\nb.png")
    found = subprocess.run(["find", str(tmp_path), "-name", "*.png", "-print0"], capture_output=True)
    monkeypatch.setattr("sys.stdin", listed(found.stdout))
    assert command("predict", run.path, "-") in (0, 1)
    printed = capsys.readouterr().out
    assert "of 1 images" in printed and "a\\nb.png" in printed


def test_mistakes_are_one_line(run, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    image = run.photos / "00.png"
    assert "does not exist; give an image" in refused(capsys, "predict", run.path, tmp_path / "gone.png")
    assert "holds no images" in refused(capsys, "predict", run.path, empty)
    assert "does not exist; give a run directory" in refused(capsys, "predict", tmp_path / "gone", image)
    assert "is a folder; give the name of a file" in refused(capsys, "predict", run.path, image, "--csv", empty)
    assert "is no folder" in refused(capsys, "predict", run.path, image, "--csv", tmp_path / "gone" / "x.csv")
    assert "--batch-size" in refused(capsys, "predict", run.path, image, "--batch-size", 0)
    assert "is not a complete run directory: config.json" in refused(capsys, "predict", empty, image)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("model.keras", b"PK\x03\x04 not a network", "model.keras is damaged or cut short"),
        ("model.keras", b"PK\x05\x06" + bytes(18), "is no network"),  # an archive of nothing
        ("scorer.npz", b"nothing", "is not a scorer"),
        ("threshold.json", b"{}", "is no threshold"),
        ("config.json", b'{"format_version": 99}', "has the format 99"),
        ("config.json", b"[", "cannot be read"),
        ("config.json", b'{"format_version": 1}', "lacks"),
        ("threshold.json", None, "threshold.json is missing"),
    ],
)
def test_a_damaged_run_directory_is_refused(run, tmp_path, capsys, name, content, message):
    damaged = tmp_path / "run"
    shutil.copytree(run.path, damaged)
    if content is None:
        (damaged / name).unlink()
    else:
        (damaged / name).write_bytes(content)
    assert message in refused(capsys, "predict", damaged, run.photos / "00.png")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may enter anything")
def test_a_run_that_may_not_be_entered_is_told_with_the_reason(tmp_path):
    (tmp_path / "run").mkdir(mode=0)
    with pytest.raises(InputError, match=r"run cannot be read \(Permission denied\); mend that, or give another"):
        Detector.load(tmp_path / "run")


def test_a_name_that_no_run_can_have_is_told_with_the_reason(tmp_path):
    with pytest.raises(InputError, match=r"a cannot be read \(File name too long\); mend that, or give another"):
        Detector.load(tmp_path / ("a" * 300))


def test_a_network_cut_short_is_called_damaged_and_several_missing_files_are_missing(run, tmp_path, capsys):
    damaged = tmp_path / "run"
    shutil.copytree(run.path, damaged)
    content = (damaged / "model.keras").read_bytes()
    (damaged / "model.keras").write_bytes(content[: len(content) // 2])
    error = refused(capsys, "predict", damaged, run.photos / "00.png")
    assert "model.keras is damaged or cut short" in error and "not found" not in error.lower()
    (damaged / "scorer.npz").unlink()
    (damaged / "threshold.json").unlink()
    assert "scorer.npz, threshold.json are missing" in refused(capsys, "predict", damaged, run.photos / "00.png")


def test_the_example_of_the_readme_prints_nothing_of_tensorflow(run):
    code = f"from piade_tf import Detector\nDetector.load({str(run.path)!r})"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


def test_a_shell_script_gets_the_exit_code_and_no_noise(run):
    process = subprocess.run(
        [sys.executable, "-m", "piade_tf", "predict", str(run.path), str(run.photos / "00.png")],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == (1 if run.rows[0]["pred_label"] == "1" else 0)
    assert process.stderr == ""


# === evaluate ===


def test_evaluate_gives_the_metrics_of_the_run_again(run, tmp_path, capsys):
    assert command("evaluate", run.path, "--out", tmp_path / "again", "--batch-size", 7) == 0
    first, again = (json.loads((path / "metrics.json").read_text()) for path in (run.path, tmp_path / "again"))
    for name in ("image_AUROC", "image_AUPR", "image_F1Max"):
        assert again[name] == pytest.approx(first[name], abs=1e-6)
    assert again["at_threshold"] == first["at_threshold"]
    assert {path.name for path in (tmp_path / "again").iterdir()} >= {"scores.csv", "report.html", "figures"}
    printed = capsys.readouterr().out
    assert printed.endswith(f"Evaluation: {tmp_path / 'again'}\n") and "Run directory" not in printed
    assert "% false alarms expected" in printed


def test_evaluate_takes_another_class_of_the_same_data_for_normal(run, tmp_path, capsys):
    command("evaluate", run.path, "--normal-class", 5, "--out", tmp_path / "fives")
    metrics = json.loads((tmp_path / "fives" / "metrics.json").read_text())
    with open(tmp_path / "fives" / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] == "5" for row in rows] == [row["gt_label"] == "0" for row in rows]
    assert metrics["n_normal"] == sum(row["class"] == "5" for row in run.rows) > 0
    scores = [[float(row["pred_score"]) for row in table] for table in (rows, run.rows)]
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-4)
    report = (tmp_path / "fives" / "report.html").read_text()
    assert "normal: 5" in report
    for shown in (report, capsys.readouterr().out):
        assert "no false-alarm rate is promised for images other than the run" in shown
        assert "false alarms expected" not in shown
    assert "--category belongs to" in refused(capsys, "evaluate", run.path, "--category", "bottle")


@pytest.mark.parametrize("grey", [0, 255])
def test_evaluate_gives_json_on_images_that_do_not_vary(run, tmp_path, grey):
    for i in range(4):
        path = tmp_path / "data" / "test" / ("OK" if i < 2 else "NG") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 40), grey).save(path)
    arguments = ("--dataset", "folder", "--data-dir", tmp_path / "data", "--out", tmp_path / "out")
    assert command("evaluate", run.path, *arguments) == 0
    metrics = json.loads((tmp_path / "out/metrics.json").read_text(), parse_constant=pytest.fail)
    assert (metrics["n_normal"], metrics["n_anomalous"], metrics["image_AUROC"]) == (2, 2, 0.5)


def test_evaluate_takes_another_data_set_with_masks(run, tmp_path, capsys):
    data = tmp_path / "data"
    for name in ("train/good", "test/good", "test/hole", "ground_truth/hole"):
        (data / name).mkdir(parents=True)
    for i in range(6):
        Image.fromarray(run.images[i, ..., 0]).resize((40, 40)).save(
            data / f"test/{'good' if i < 3 else 'hole'}/{i}.png"
        )
        mask = np.zeros((40, 40), "uint8")
        mask[5:20, 8:30] = 255
        if i >= 3:
            Image.fromarray(mask).save(data / f"ground_truth/hole/{i}_mask.png")
    arguments = ("evaluate", run.path, "--dataset", "folder", "--data-dir", data)
    assert command(*arguments) == 0
    (target,) = (run.path / "evaluations").iterdir()
    metrics = json.loads((target / "metrics.json").read_text())
    assert (metrics["n_normal"], metrics["n_anomalous"], metrics["pixel_regions"]) == (3, 3, 3)
    assert 0 <= metrics["pixel_AUPRO"] <= 1 and metrics["per_class"]["hole"]["images"] == 3
    assert "false alarms expected" not in capsys.readouterr().out
    assert "exists already" in refused(capsys, *arguments, "--out", target)
    shutil.rmtree(data / "test")
    assert "no test images" in refused(capsys, *arguments)
