"""`piade threshold`: another threshold, everywhere at once or nowhere."""

import csv
import datetime
import hashlib
import html
import json
import re
import shutil

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from export.options import Export, Show
from export.publish.file_scores import FileScores
from export.run import export
from export.show import show
from export.tflite.flatbuffer import is_untouched, metadata_of
from piade_tf.cli.main import main
from piade_tf.cli.predict import Predict, predict
from piade_tf.cli.threshold import SetThreshold, set_threshold
from piade_tf.data import digits
from piade_tf.data.known_images import calibration_scores
from piade_tf.errors import InputError
from piade_tf.evaluation.refit import moved
from piade_tf.evaluation.threshold import Threshold, fit_threshold
from piade_tf.report import rejudged_files
from piade_tf.report.export_section import write_export
from piade_tf.run_directory import RunDirectory
from piade_tf.run_lock import changing

HIDDEN = (".lock", ".changing.json")


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    """Leaves figures as they are, which takes a third of a test, unless it is about pictures."""
    if "pictures" not in request.node.name:
        monkeypatch.setattr(rejudged_files, "write_judged_figures", lambda folder, *_: None)


def contents(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in HIDDEN]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def good_images(folder, count, start=0):
    """Zeros that are not those of the run: each pixel a little darker or brighter."""
    train, _ = digits.load()
    rng = np.random.default_rng(start)
    folder.mkdir()
    for i, image in enumerate(train.images[train.labels == 0][start : start + count]):
        changed = np.clip(image[..., 0].astype(int) + rng.integers(-12, 13, (8, 8)), 0, 255)
        Image.fromarray(changed.astype("uint8")).save(folder / f"{i}.png")
    return folder


def check_that_all_say_the_same(run):
    threshold = read(run / "threshold.json")["value"]
    with open(run / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    flagged = np.array([row["pred_label"] == "1" for row in rows])
    labels = np.array([row["gt_label"] == "1" for row in rows])
    assert flagged.tolist() == [float(row["pred_score"]) > threshold for row in rows]
    at = read(run / "metrics.json")["at_threshold"]
    assert (at["FP"], at["FN"]) == (np.sum(flagged & ~labels), np.sum(~flagged & labels))
    manifest = read(run / "export/manifest.json")
    golden = read(run / "export/golden/golden.json") | read(run / "export/golden/photographs.json")
    card = (run / "export/MODEL_CARD.md").read_text(encoding="utf-8")
    config = hashlib.sha256((run / "config.json").read_bytes()).hexdigest()
    scores = FileScores.read(run / "export/scores.csv")
    for name, entry in manifest["files"].items():
        value = entry["threshold"]["value"]
        assert f"`{name}`: Threshold {value:.4g} " in card
        normal = scores.pred_score[name][(scores.split == "test") & (scores.label == 0)]
        assert entry["at_threshold"]["FP"] == np.sum(normal.astype("float64") > value)
        for said in [said for said in golden.values() if name in said]:  # photographs are for apps alone
            assert said[name]["anomalous"] == (said[name]["pred_score"] > value)
        if name != "saved_model":
            content = (run / f"export/{name}.tflite").read_bytes()
            assert is_untouched(content) and metadata_of(content) == read(run / f"export/{name}.json")
            assert metadata_of(content)["threshold"] == entry["threshold"]
            assert metadata_of(content)["map_threshold"] == entry["map_threshold"]
            assert metadata_of(content)["config_sha256"] == config
            assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    return manifest["files"]


def shown(run):
    """The report's words."""
    page = re.sub(r"<[^>]+>", "", (run / "report.html").read_text(encoding="utf-8"))
    return " ".join(html.unescape(page).split())


def test_a_rate_is_fitted_again_and_written_everywhere(run, exported, capsys):
    set_threshold(SetThreshold(run, fpr=0.2))
    normal = calibration_scores(RunDirectory(run).read_known())[0]
    expected = fit_threshold("fpr", 0.2, normal)
    assert read(run / "threshold.json")["value"] == expected.value
    assert read(run / "map_threshold.json")["wanted_fpr"] == 0.2
    files, printed = check_that_all_say_the_same(run), capsys.readouterr().out
    for name, entry in files.items():
        assert entry["threshold"]["promised_fpr"] == expected.promised_fpr
        assert f"{name}: {exported.manifest['files'][name]['threshold']['value']:.4g} -> " in printed
    assert f"Threshold {expected.value:.4g}" in shown(run)


def test_the_record_of_the_training_stays_and_the_report_has_both(run):
    config = (run / "config.json").read_bytes()
    set_threshold(SetThreshold(run, fpr=0.2))
    assert (run / "config.json").read_bytes() == config
    page = shown(run)
    assert "fpr0.2, set by piade threshold; the training had 0.01" in page
    assert "--fpr 0.2" in page.partition("Train it again")[2].partition("At commit")[0]


@pytest.mark.parametrize(
    "defect, advice", [(1e3, "export the run again, which adds one"), (-1e3, "test the app with a bad part of your")]
)
def test_a_file_that_raises_an_alarm_on_no_golden_image_is_told_of(run, capsys, defect, advice):
    set_threshold(SetThreshold(run, fpr=0.2))
    assert "golden image" not in capsys.readouterr().out
    path = run / "export/golden/golden.json"
    calm = {name: said for name, said in read(path).items() if not said["int8"]["anomalous"]}
    path.write_text(json.dumps(calm))
    scores = FileScores.read(run / "export/scores.csv")
    for found in scores.pred_score.values():
        found[scores.split == "changed"] = defect
    scores.write(run / "export/scores.csv")
    set_threshold(SetThreshold(run, fpr=0.1))
    said = capsys.readouterr().out
    assert "warning: with this threshold int8 raises an alarm on no golden image; " in said and advice in said


def test_show_says_when_a_file_got_another_threshold(run, exported, capsys):
    show(Show(exported.folder / "int8.tflite"))
    assert capsys.readouterr().err == "unchanged since its export\n"
    set_threshold(SetThreshold(run, fpr=0.2))
    capsys.readouterr()
    today = datetime.date.today().isoformat()
    show(Show(run / "export" / "int8.tflite"))
    assert re.fullmatch(rf"changed since its export by \S.* threshold alone, on {today}\n", capsys.readouterr().err)
    (run / "export" / "manifest.json").unlink()  # the file alone, as on a phone
    show(Show(run / "export" / "int8.tflite"))
    said = capsys.readouterr().err
    assert re.fullmatch(r"unchanged since \S.* export or \S.* threshold wrote it\n", said)


def spoil(run, name):
    """Has the file call every defect normal, as `piade threshold` will read it."""
    scores = FileScores.read(run / "export/scores.csv")
    scores.pred_score[name][scores.split == "changed"] = -1e3
    scores.write(run / "export/scores.csv")


def test_a_file_that_no_longer_gives_the_verdicts_is_said_so_everywhere_until_it_does(run, capsys):
    sound, fpr = (run / "export/scores.csv").read_bytes(), read(run / "threshold.json")["wanted_fpr"]
    spoil(run, "int8")
    set_threshold(SetThreshold(run, fpr=0.2))
    manifest = read(run / "export/manifest.json")["files"]
    (reason,) = (why for why in manifest["int8"]["reasons_now"] if why.startswith("does not give"))
    said = f"shipped; with this threshold it {reason}"
    assert manifest["int8"]["accepted"] and not manifest["int8"]["reasons"] and not manifest["float32"]["reasons_now"]
    card = (run / "export/MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"| {said}" in card and "5 of 6 files ship" in card and "with an earlier threshold alone" in card
    assert f"`int8` was {said}" in (run / "export/README.md").read_text(encoding="utf-8")
    assert f"int8 was {said}" in shown(run)
    assert "<td>shipped</td>" in (run / "report.html").read_text(encoding="utf-8")
    assert show(Show(run / "export/int8.tflite")) == show(Show(run / "export/float32.tflite")) == 0
    assert capsys.readouterr().err.count(f"not to be used: it was {said}") == 1
    (run / "export/scores.csv").write_bytes(sound)
    set_threshold(SetThreshold(run, fpr=fpr))
    assert read(run / "export/manifest.json")["files"]["int8"]["reasons_now"] == []
    pages = [(run / "export" / name).read_text(encoding="utf-8") for name in ("MODEL_CARD.md", "README.md")]
    assert not any("shipped" in page for page in (*pages, shown(run)))


def test_the_reason_of_a_file_that_was_rejected_is_told_as_of_an_earlier_threshold(run):
    manifest = read(run / "export/manifest.json")
    reason = "does not give the run's verdicts: 60 of 140 verdicts differ"
    manifest["files"]["int8"] |= {"accepted": False, "reasons": [reason]}
    (run / "export/manifest.json").write_text(json.dumps(manifest))
    (run / "export/rejected").mkdir()
    for name in ("int8.tflite", "int8.json"):
        (run / "export" / name).rename(run / "export/rejected" / name)
    set_threshold(SetThreshold(run, fpr=0.2))
    said = f"rejected with an earlier threshold: it {reason}"
    assert said in (run / "export/MODEL_CARD.md").read_text(encoding="utf-8") and f"int8 was {said}" in shown(run)
    assert (run / "export/rejected/int8.tflite").is_file()


def test_the_files_score_as_before(run):
    set_threshold(SetThreshold(run, fpr=0.2))
    golden = read(run / "export/golden/golden.json")
    inspect = Interpreter(str(run / "export/int8.tflite")).get_signature_runner("inspect")
    for name, said in golden.items():
        pixels = np.asarray(Image.open(run / "export/golden" / name))[None, ..., None]
        assert inspect(image=pixels)["pred_score"][0] == pytest.approx(said["int8"]["pred_score"], rel=1e-5, abs=1e-5)


def test_a_value_set_by_hand_promises_nothing_and_all_that_show_it_say_so(run, tmp_path, capsys):
    normal = calibration_scores(RunDirectory(run).read_known())[0]
    value = float(np.median(normal)) + 0.5
    set_threshold(SetThreshold(run, value=value))
    files = check_that_all_say_the_same(run)
    scores = FileScores.read(run / "export/scores.csv")
    card = (run / "export/MODEL_CARD.md").read_text(encoding="utf-8")
    for name, entry in files.items():
        of_file = scores.pred_score[name][scores.split == "calibration"]
        assert entry["threshold"]["value"] == moved(value, normal, of_file)
        assert entry["threshold"]["promised_fpr"] is None
        (line,) = [line for line in card.splitlines() if line.startswith(f"- `{name}`: Threshold")]
        assert "set by hand" in line and "no false-alarm rate is promised" in line
    assert "set by hand" in shown(run) and "no promise" in shown(run)
    assert "int8" in shown(run).split("Exported files")[2]
    assert show(Show(run / "export/int8.tflite")) == 0
    assert "set by hand, no false-alarm rate is promised" in capsys.readouterr().out
    set_threshold(SetThreshold(run))
    assert "no false-alarm rate is promised" in capsys.readouterr().out
    predict(Predict(run, (str(good_images(tmp_path / "good", 2)),)))
    assert "set by hand" in capsys.readouterr().out


def keep_only(run, names):
    """The export with these formats alone: others need not be run."""
    golden = ("golden/golden.json", "golden/photographs.json")
    for path in ("manifest.json", *golden):
        inside = dict.values if path in golden else lambda content: [content["files"]]
        content = read(run / "export" / path)
        for entries in inside(content):
            for name in entries.keys() - {*names, "label"}:
                del entries[name]
        (run / "export" / path).write_text(json.dumps(content))
    scores = FileScores.read(run / "export/scores.csv")
    columns = ({name: of[name] for name in names} for of in (scores.pred_score, scores.map_max))
    FileScores(scores.split, scores.label, scores.run, *columns).write(run / "export/scores.csv")


def test_more_good_images_join_the_calibration_for_good(run, tmp_path):
    keep_only(run, ("float32", "int8_full"))
    good = good_images(tmp_path / "good", 12)
    set_threshold(SetThreshold(run, good=good))
    assert read(run / "threshold.json")["n"] == 32
    for entry in check_that_all_say_the_same(run).values():
        assert (entry["threshold"]["n"], entry["map_threshold"]["n"]) == (32, 32)
    before = contents(run)
    with pytest.raises(InputError, match="nothing new"):
        set_threshold(SetThreshold(run, good=good))
    assert contents(run) == before
    files = read(run / "export/manifest.json")["files"]
    assert export(Export(run, ("float32",))) == 0  # reads them again
    assert read(run / "export/manifest.json")["files"]["float32"]["threshold"]["value"] == pytest.approx(
        files["float32"]["threshold"]["value"], abs=1e-4
    )
    shutil.rmtree(good)
    with pytest.raises(InputError, match=str(good)):
        export(Export(run, ("float32",)))


def test_a_saved_model_that_prepares_images_itself_is_judged_on_what_the_run_sees(run, tmp_path):
    config = read(run / "config.json")
    config["options"]["data"] |= {"image_size": [38], "crop": [32]}
    config["preparation"] |= {"size": [38, 38], "crop": [32, 32]}
    (run / "config.json").write_text(json.dumps(config))
    export(Export(run, ("saved_model",), input_size="free"))
    assert read(run / "export/manifest.json")["files"]["saved_model"]["score_error"] < 1e-4
    set_threshold(SetThreshold(run, good=good_images(tmp_path / "good", 12)))
    added = calibration_scores(RunDirectory(run).read_known())[0][-12:]
    scores = FileScores.read(run / "export/scores.csv")
    of_file = scores.pred_score["saved_model"][scores.split == "calibration"][-12:]
    np.testing.assert_allclose(of_file, added, rtol=1e-3, atol=1e-3)


def test_an_export_takes_the_threshold_that_the_run_has_now(run):
    shutil.rmtree(run / "export")
    set_threshold(SetThreshold(run, sigma=2.0))
    assert export(Export(run, ("float32",))) == 0
    assert read(run / "export/manifest.json")["files"]["float32"]["threshold"]["method"] == "sigma:2.0"


@pytest.mark.parametrize("options", [{}, {"fpr": 0.3, "dry_run": True}])
def test_to_look_changes_nothing(run, capsys, options):
    before = contents(run)
    set_threshold(SetThreshold(run, **options))
    assert contents(run) == before
    said = capsys.readouterr().out
    assert "flagged" in said and "missed" in said and "promise" in said


@pytest.mark.parametrize("content", [None, "{}", "no JSON"])
def test_a_threshold_that_was_changed_or_broken_by_hand_is_refused_and_then_replaced(run, capsys, content):
    path = run / "threshold.json"
    sound = Threshold.read(path)
    path.write_text(content or json.dumps(read(path) | {"value": sound.value + 0.1}))
    with pytest.raises(InputError, match="set it again: "):
        set_threshold(SetThreshold(run))
    left = path.read_text()
    with pytest.raises(InputError, match="above all scores"):
        set_threshold(SetThreshold(run, value=1e9))
    assert path.read_text() == left
    set_threshold(SetThreshold(run, fpr=sound.wanted_fpr))
    assert Threshold.read(path) == sound
    assert "note: " in capsys.readouterr().out


def test_many_deviations_are_refused_where_nothing_would_be_flagged(run):
    before = contents(run)
    with pytest.raises(InputError, match="above all scores that are known"):
        set_threshold(SetThreshold(run, sigma=100))
    assert contents(run) == before


def test_the_maps_follow_a_value_set_by_hand(run):
    scores, maps = calibration_scores(RunDirectory(run).read_known())
    set_threshold(SetThreshold(run, value=float(np.sort(scores)[3])))
    assert Threshold.read(run / "map_threshold.json").value == pytest.approx(np.sort(maps)[3])
    assert read(run / "export/int8.json")["map_threshold"]["method"].startswith("value:")


def test_which_images_change_is_told_by_name(run, capsys):
    set_threshold(SetThreshold(run, fpr=0.4))
    with open(run / "scores.csv", newline="") as file:
        flagged = [row["image"] for row in csv.DictReader(file) if row["pred_label"] == "1" and row["gt_label"] == "0"]
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("now flagged") and " normal test images: " in line]
    names = line.rpartition(": ")[2].partition(" and ")[0].split(", ")
    assert len(names) == min(len(flagged), 10) and set(names) <= set(flagged)


def old_run(run):
    (run / "known_images.csv").unlink()


def old_export(run):
    (run / "export/scores.csv").unlink()


def changed_file(run):
    path = run / "export/int8.tflite"
    path.write_bytes(path.read_bytes()[:-200] + bytes(200))


@pytest.mark.parametrize(
    "spoil, options, named",
    [
        (old_run, {"fpr": 0.1}, "earlier version"),
        (old_export, {"fpr": 0.1}, "export"),
        (changed_file, {"fpr": 0.1}, "int8.tflite"),
        (None, {"value": -1e3}, "below every score"),
        (None, {"value": 1e6}, "above all scores"),
        (None, {"value": float("nan")}, "--value"),
        (None, {"fpr": 0.1, "value": 1.0}, "--fpr"),
        (None, {"fpr": 1.0}, "--fpr"),
        (None, {"good": "missing"}, "missing"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(run, tmp_path, spoil, options, named):
    if spoil:
        spoil(run)
    before = contents(run)
    if "good" in options:
        options = {"good": tmp_path / "missing"}
    with pytest.raises(InputError, match=named) as refused:
        set_threshold(SetThreshold(run, **options))
    assert "\n" not in str(refused.value)
    assert contents(run) == before


def test_images_of_another_size_or_colour_are_refused_by_name(run, tmp_path):
    for name, pixels in (("large", np.zeros((9, 8), "uint8")), ("red", np.full((8, 8, 3), (90, 0, 0), "uint8"))):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "odd.png")
        with pytest.raises(InputError, match="odd.png has (8x9|colour)"):
            set_threshold(SetThreshold(run, good=tmp_path / name))


def test_test_images_cannot_choose_the_threshold(run, tmp_path):
    _, test = digits.load()
    (tmp_path / "good").mkdir()
    Image.fromarray(test.images[test.labels == 0][0][..., 0]).save(tmp_path / "good/0.png")
    with pytest.raises(InputError, match="test images"):
        set_threshold(SetThreshold(run, good=tmp_path / "good"))


def test_a_failure_in_the_middle_leaves_the_old_everywhere(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = contents(run)
    monkeypatch.setattr("export.publish.rethreshold._write_golden", full)
    with pytest.raises(InputError, match="No space left"):
        set_threshold(SetThreshold(run, fpr=0.2))
    assert contents(run) == before


def test_a_run_that_is_being_changed_is_left_alone(run):
    with changing(run, "piade export"), pytest.raises(InputError, match="piade export"):
        set_threshold(SetThreshold(run, fpr=0.2))


def test_no_threshold_comes_between_what_an_export_reads_and_what_it_writes(run, monkeypatch):
    tried = []

    def trying(function):
        def tries(*arguments):
            with pytest.raises(InputError, match="is being changed by piade export"):
                set_threshold(SetThreshold(run, fpr=0.2))
            tried.append(function.__name__)
            return function(*arguments)

        return tries

    monkeypatch.setattr(RunDirectory, "read_network", trying(RunDirectory.read_network))
    monkeypatch.setattr("export.publish.report_section.write_export", trying(write_export))
    assert main(["export", str(run), "--formats", "float32"]) == 0
    assert tried == ["read_network", "write_export"]


def test_an_export_beside_another_change_ends_with_one_line_before_anything_is_read(run, monkeypatch, capsys):
    monkeypatch.setattr(RunDirectory, "read_network", lambda _run: pytest.fail("it was read"))
    with changing(run, "piade threshold"), pytest.raises(SystemExit) as stop:
        main(["export", str(run)])
    assert stop.value.code == 2 and "is being changed by piade threshold (process" in capsys.readouterr().err


def test_without_test_images_nothing_is_asked_of_them(run, capsys):
    header = (run / "scores.csv").read_text().splitlines()[0]
    (run / "scores.csv").write_text(header + "\n")
    shutil.rmtree(run / "export")
    set_threshold(SetThreshold(run, fpr=0.2))
    assert "test images" not in capsys.readouterr().out


def test_a_threshold_for_once_is_not_kept(run, tmp_path, capsys):
    before, good = contents(run), good_images(tmp_path / "good", 2)
    lowest = calibration_scores(RunDirectory(run).read_known())[0].min()
    assert predict(Predict(run, (str(good),), threshold=float(lowest))) in (0, 1)
    assert f"threshold {lowest:.4g} (set by hand" in capsys.readouterr().out
    assert predict(Predict(run, (str(good),))) == 0
    with pytest.raises(InputError, match="below every score"):
        predict(Predict(run, (str(good),), threshold=-1e3))
    assert contents(run) == before


def test_the_pictures_of_mistakes_follow_the_threshold(run):
    set_threshold(SetThreshold(run, fpr=0.4))
    assert (run / "figures/mistakes.png").exists()
    with open(run / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    between = (max(float(row["pred_score"]) for row in rows if row["gt_label"] == "0"),
               min(float(row["pred_score"]) for row in rows if row["gt_label"] == "1"))  # fmt: skip
    if between[0] < between[1]:
        set_threshold(SetThreshold(run, value=sum(between) / 2))
        assert not list((run / "figures").rglob("mistakes.png"))


def test_without_the_images_the_report_says_that_it_has_no_pictures(run, monkeypatch, capsys):
    def gone(*_):
        raise InputError("the folder is gone")

    monkeypatch.setattr("piade_tf.training.data_of_run.load_data", gone)
    set_threshold(SetThreshold(run, fpr=0.4))
    assert "the folder is gone" in capsys.readouterr().out
