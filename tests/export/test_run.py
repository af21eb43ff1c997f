"""The export as a whole: the same bytes twice, a file that differs is rejected, and nothing is lost on an error."""

import errno
import json
import shutil

import pytest

import export.run
from export.formats import FORMATS, Format, Tolerance
from export.options import Export
from export.run import REJECTED
from piade_tf.errors import InputError


@pytest.fixture
def run(exported, tmp_path):
    """A copy of the run to do as one likes with."""
    return shutil.copytree(exported.run, tmp_path / "digits")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_run_exports_to_the_same_bytes(exported, run):
    # Of a SavedModel only the numbers are the same: TensorFlow orders what is in it differently in every process.
    formats = ("float32", "dynamic_int8", "int8", "int8_full")
    assert export.run.export(Export(run, formats)) == 0
    for name in formats:
        for file in (f"{name}.tflite", f"{name}.json"):
            assert (run / "export" / file).read_bytes() == (exported.folder / file).read_bytes(), file


def test_a_file_that_differs_too_much_is_set_aside_with_the_reason(run, monkeypatch, capsys):
    impossible = {
        **FORMATS, "float16": Format("", Tolerance(auroc_loss=-1.0, score_error=0.0)), "float32": FORMATS["float32"]
    }  # fmt: skip
    for module in (export.run, export.build, export.model_card):
        monkeypatch.setattr(module, "FORMATS", impossible)
    assert export.run.export(Export(run, ("float32", "float16"))) == REJECTED
    folder = run / "export"
    assert (folder / "float32.tflite").exists() and not (folder / "float16.tflite").exists()
    assert sorted(path.name for path in (folder / "rejected").iterdir()) == [
        "float16.json", "float16.tflite", "float16.txt",
    ]  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert not manifest["files"]["float16"]["accepted"] and manifest["files"]["float32"]["accepted"]
    golden = json.loads((folder / "golden/golden.json").read_text(encoding="utf-8"))
    assert set(golden["golden_0.png"]) == {"label", "float32"}
    assert "loses" in (folder / "rejected/float16.txt").read_text(encoding="utf-8")
    assert "rejected: float16 loses" in capsys.readouterr().out


def test_a_full_disk_leaves_the_old_export_as_it_was(run, monkeypatch):
    before = contents(run)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export.run, "write_golden", full)
    with pytest.raises(InputError, match="No space left on device.*what was there before stays"):
        export.run.export(Export(run, ("float32",)))
    assert contents(run) == before


def test_without_test_images_files_are_compared_on_the_calibration_images(run, tmp_path):
    import dataclasses

    from piade_tf.config import DataConfig
    from piade_tf.data import load_data

    data = load_data(DataConfig(), 0)
    empty = dataclasses.replace(
        data.test,
        items=data.test.items.take(0),
        count=0,
        **{name: getattr(data.test, name)[:0] for name in ("labels", "classes", "ids", "has_mask")},
    )
    assert export.run.export(Export(run, ("float32",)), dataclasses.replace(data, test=empty)) == 0
    manifest = json.loads((run / "export/manifest.json").read_text(encoding="utf-8"))
    assert manifest["compared_on"].startswith("calibration images")
    assert manifest["files"]["float32"]["image_AUROC"] is None
    assert "cannot be measured" in (run / "export/MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change, options, message",
    [
        (lambda run: shutil.rmtree(run), {}, "does not exist"),
        (lambda run: (run / "scorer.npz").unlink(), {}, "scorer.npz is missing"),
        (lambda run: (run / "model.keras").write_bytes((run / "model.keras").read_bytes()[:1000]), {}, "damaged"),
        (lambda run: (run / "model.keras").write_text("no"), {}, "model.keras"),
        (lambda run: _newer(run / "config.json"), {}, "format 99"),
        (lambda run: _other_data(run / "config.json"), {}, "fingerprint differs"),
        (lambda run: None, {"batch": 0}, "--batch must be at least 1"),
        (lambda run: None, {"formats": ()}, "--formats needs at least one"),
        (lambda run: None, {"tolerance": 2.0}, "--tolerance must be"),
    ],
)
def test_bad_input_is_said_in_one_line_and_nothing_is_written(run, change, options, message):
    change(run)
    before = contents(run) if run.exists() else None
    with pytest.raises(InputError, match=message) as error:
        export.run.export(Export(run, **options))
    assert "\n" not in str(error.value)
    assert (contents(run) if run.exists() else None) == before


def _newer(path):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "format_version": 99}))


def _other_data(path):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "data_fingerprint": "0"}))


def test_the_command_line_ends_with_2_and_one_line(exported, python):
    for words in (
        ("nowhere",),
        (exported.run, "--formats", "float64"),
        ("show", exported.run / "config.json"),
        ("show",),
    ):
        done = python("-m", "export", *words, check=False)
        assert done.returncode == 2, words
        assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("error: "), done.stderr


def test_show_prints_the_metadata_and_notices_a_change(exported, python, tmp_path):
    path = exported.folder / "int8.tflite"
    assert json.loads(python("-m", "export", "show", path).stdout)["format"] == "int8"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed.tflite").write_bytes(content)
    done = python("-m", "export", "show", tmp_path / "changed.tflite", check=False)
    assert done.returncode == 2 and "its hash differs" in done.stderr


def test_a_free_input_size_is_brought_to_size_inside_the_saved_model(run, python, test_images, tmp_path):
    import numpy as np
    import tensorflow as tf

    from piade_tf.detector import Detector

    assert export.run.export(Export(run, ("saved_model",), input_size="free")) == 0
    image = np.repeat(np.repeat(test_images[3], 3, 0), 2, 1)
    inspect = tf.saved_model.load(str(run / "export/saved_model/1")).signatures["inspect"]
    found = float(inspect(image=tf.constant(image[None]))["pred_score"][0])
    (expected,) = Detector.load(run).predict([image])
    assert found == pytest.approx(expected.pred_score, abs=0.05 * max(1, abs(expected.pred_score)))


def test_a_batch_of_two_gives_each_image_its_own_score(run, test_images, scores):
    from ai_edge_litert.interpreter import Interpreter

    assert export.run.export(Export(run, ("float32",), batch=2)) == 0
    inspect = Interpreter(str(run / "export/float32.tflite")).get_signature_runner("inspect")
    outputs = inspect(image=test_images[[5, 90]])
    assert outputs["pred_score"] == pytest.approx(scores.pred_score[[5, 90]], rel=1e-3, abs=1e-3)
