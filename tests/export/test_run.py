"""The export as a whole: the same bytes twice, a file that differs is rejected, and nothing is lost on an error."""

import errno
import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest

import export.run
from export.builder import Builder
from export.finished import FOLDER
from export.formats import FORMATS, Format, Tolerance
from export.options import Export, Show
from export.refusal import CannotRun
from export.run import REJECTED
from export.show import show
from export.tflite.flatbuffer import signatures
from piade_tf.errors import InputError


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_run_exports_to_the_same_bytes_in_another_process(exported, run, python):
    python("-m", "export", run)
    before, after = contents(exported.folder), contents(run / "export")
    assert after.keys() == before.keys()
    for name in before.keys() - {"manifest.json", "MODEL_CARD.md"}:
        assert after[name] == before[name], name
    assert _timeless(after) == _timeless(before)


def _timeless(files):
    """The manifest and the card without what was measured with a clock."""
    manifest = json.loads(files["manifest.json"])
    del manifest["fastest"]
    for entry in manifest["files"].values():
        del entry["latency_ms"], entry["peak_bytes"]
    above, _, below = files["MODEL_CARD.md"].decode().partition("## Size and speed")
    return manifest, above, below.partition("## Limits")[2]


def test_a_file_that_differs_too_much_is_set_aside_with_the_reason(run, monkeypatch, capsys):
    impossible = {
        **FORMATS, "float16": Format("", Tolerance(score_error=0.0)), "float32": FORMATS["float32"]
    }  # fmt: skip
    for module in (export.run, export.builder, export.publish.model_card):
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
    reason = (folder / "rejected/float16.txt").read_text(encoding="utf-8")
    assert "140 verdicts differ" in reason
    assert f"rejected: float16 {reason.strip()}" in capsys.readouterr().out
    assert show(Show(folder / "rejected/float16.tflite")) == 0
    warned = capsys.readouterr().err
    assert "not to be used" in warned and reason.strip() in warned
    assert show(Show(folder / "float32.tflite")) == 0 and "unchanged" in capsys.readouterr().err


def test_files_that_cannot_be_run_are_set_aside_with_the_reason_and_the_others_ship(run, monkeypatch, capsys):
    whole = Builder.litert
    monkeypatch.setattr(export.builder, "quantize", lambda *_: b"no model" * 20)  # int8: refused when fitted anew
    monkeypatch.setattr(
        Builder, "litert", lambda self, name: b"no model" * 20 if name == "float16" else whole(self, name)
    )  # float16: refused when measured
    assert export.run.export(Export(run, ("int8", "float16", "float32"))) == REJECTED
    folder = run / "export"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"]["float32"]["accepted"] and (folder / "float32.tflite").exists()
    assert sorted(path.name for path in (folder / "rejected").iterdir()) == [
        "float16.tflite", "float16.txt", "int8.txt",
    ]  # fmt: skip
    printed, card = capsys.readouterr().out, (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name in ("int8", "float16"):
        entry = manifest["files"][name]
        assert list(entry) == ["accepted", "reasons"] and not entry["accepted"]
        (reason,) = entry["reasons"]
        assert reason.startswith("cannot be run") and "\n" not in reason
        assert f"rejected: {name} {reason}; see" in printed
        assert f"rejected: it {reason} |" in card and f"- `{name}`: none" in card
        assert (folder / f"rejected/{name}.txt").read_text(encoding="utf-8") == f"{reason}\n"
    golden = json.loads((folder / "golden/golden.json").read_text(encoding="utf-8"))
    assert set(golden["golden_0.png"]) == {"label", "float32"}


def test_int8_that_is_rejected_takes_no_other_file_along(tmp_path):
    for name in ("int8.tflite", "int8.json", "int8_full.tflite"):
        (tmp_path / name).touch()
    export.run._reject(tmp_path, "int8", ["loses"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["int8_full.tflite", "rejected"]


@pytest.mark.parametrize("scores", [[1.0, np.nan], [np.inf, 1.0]])
def test_scores_that_are_no_numbers_are_a_reason(monkeypatch, tmp_path, scores):
    def verify(command, **_):
        columns = {name: np.ones(2) for name in ("map_max", "map_mean", "reconstruction_mean", "timings")}
        np.savez(command[-1], pred_score=scores, peak_bytes=1, **columns)
        return subprocess.CompletedProcess(command, 0)

    np.save(tmp_path / "images.npy", np.zeros((2, 8, 8, 1), "uint8"))
    monkeypatch.setattr(export.verification.measure.subprocess, "run", verify)
    with pytest.raises(CannotRun, match="not finite"):
        export.verification.measure.measure(tmp_path / "int8.tflite", tmp_path / "images.npy")


def test_a_full_disk_leaves_the_old_export_as_it_was(run, monkeypatch):
    before = contents(run)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export.run, "write_golden", full)
    with pytest.raises(InputError, match="No space left on device.*what was there before stays"):
        export.run.export(Export(run, ("float32",)))
    assert contents(run) == before


WITH_SMALL_FILES_ONLY = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.argv[1:] = sys.argv[2:]
runpy.run_module("export", run_name="__main__")
"""


@pytest.mark.parametrize("most", [100_000, 1_000_000])  # bytes: the images do not fit, the SavedModel does not
def test_files_that_cannot_be_written_whole_end_in_one_line_and_leave_nothing_behind(run, python, most):
    before = contents(run)
    done = python("-c", WITH_SMALL_FILES_ONLY, most, run, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line == f"error: cannot write {run / 'export'} (File too large); what was there before stays"
    assert contents(run) == before
    assert not list(run.glob(".export.*"))


def test_without_test_images_a_file_ships_for_its_verdicts_and_nothing_is_said_of_anomalies(run, capsys):
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
    assert manifest["files"]["float32"]["verdicts"] == 140 and manifest["n_normal"] == 0
    assert manifest["files"]["float32"]["image_AUROC"] is None
    card, printed = (run / "export/MODEL_CARD.md").read_text(encoding="utf-8"), capsys.readouterr().out
    assert "nothing here says how many are found" in card
    for gap in ("AUROC", "cannot be measured", "| - |"):
        assert gap not in card and gap not in printed


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


def test_a_free_input_size_is_brought_to_size_inside_the_saved_model(run, python, test_images, tmp_path):
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


def test_every_kind_of_integers_ships_with_a_batch_that_images_do_not_fill(run):
    formats = ("dynamic_int8", "int8", "int8_full")
    assert export.run.export(Export(run, formats, batch=64)) == 0
    for name in formats:
        ends = signatures((run / f"export/{name}.tflite").read_bytes())["inspect"]
        assert ends["inputs"]["image"]["shape"][0] == 64


def test_an_export_that_was_cut_off_goes_on_with_what_it_had(run, monkeypatch, capsys):
    formats = ("float32", "float16")
    whole = Builder.litert
    with monkeypatch.context() as patched:
        patched.setattr(Builder, "litert", _cut_off_at("float16", whole))
        with pytest.raises(KeyboardInterrupt):
            export.run.export(Export(run, formats))
    with monkeypatch.context() as patched:
        patched.setattr(Builder, "litert", _cut_off_at("float32", whole))
        assert export.run.export(Export(run, formats)) == 0
    once = contents(run / "export")
    assert not list(run.glob(f"{FOLDER}*"))
    manifest = json.loads(once["manifest.json"])
    assert manifest["files"]["float32"]["sha256"] == hashlib.sha256(once["float32.tflite"]).hexdigest()


def test_formats_that_the_previous_export_had_and_this_one_lacks_are_told(run, capsys):
    before = json.loads((run / "export" / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert all(before[name]["accepted"] for name in ("saved_model", "float16", "int8"))
    for formats in (("float32", "int8"), ("float32",), ("float32",)):
        assert export.run.export(Export(run, formats)) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("no longer in")]
    names = [set(line.partition(": ")[2].partition(" (")[0].split(", ")) for line in said]
    shipped = {name for name, entry in before.items() if entry["accepted"]}
    assert names == [shipped - {"float32", "int8"}, {"int8"}]


def _cut_off_at(unwanted, whole):
    def litert(self, name):
        if name == unwanted:
            raise KeyboardInterrupt
        return whole(self, name)

    return litert


def test_what_was_made_of_other_scores_is_not_taken(run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(export.run, "write_golden", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            export.run.export(Export(run, ("float32",)))
    assert (run / FOLDER / "float32").is_dir()
    with np.load(run / "scorer.npz") as arrays:
        np.savez(run / "scorer.npz", **{**arrays, "another": np.zeros(1)})
    monkeypatch.setattr(export.run, "measure", _interrupted)
    with pytest.raises(KeyboardInterrupt):  # it is measured anew
        export.run.export(Export(run, ("float32",)))


def _interrupted(*_, **__):
    raise KeyboardInterrupt


def test_a_measurement_that_hangs_is_ended(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((1, 8, 8, 1), "uint8"))
    with pytest.raises(CannotRun, match="ended after 0 seconds"):
        export.verification.measure.measure(tmp_path / "int8.tflite", tmp_path / "images.npy", (0.05, 0.0))
