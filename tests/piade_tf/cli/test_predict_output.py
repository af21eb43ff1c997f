"""Where the tables and heatmaps of predict go: checked first, written as results come, never scored themselves."""

import csv
import json
import os
import sys
import threading

import pytest
from PIL import Image

from piade_tf.cli.main import main
from piade_tf.data.own_pictures import is_own_picture
from piade_tf.data.own_runs import MARKS
from piade_tf.evaluation.threshold import fit_threshold

needs_posix = pytest.mark.skipif(os.name != "posix", reason="pipes, links and permissions of POSIX")


def predict(*arguments):
    return main(["predict", "run", *map(str, arguments)])


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        predict(*arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# === As results come ===


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_each_row_is_on_the_disk_before_the_next_image_is_scored(detector, photos, tmp_path, kind):
    table, seen = tmp_path / f"table.{kind}", []
    table.write_text("of yesterday")

    def look(_number):
        part = tmp_path / f"table.{kind}.part"
        seen.append(part.read_text().count("photos") if part.exists() else None)

    detector.on_image = look
    assert predict(photos, f"--{kind}", table) == 1
    assert seen == [0, 1, 2, 3]
    assert table.read_text().count("photos") == 4
    assert not list(tmp_path.glob("*.part"))


def test_errors_come_after_the_table_in_the_order_of_its_rows(detector, photos, capsys, monkeypatch):
    for name in ("01.png", "02.png"):
        (photos / f"0{name}").write_bytes(b"")
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    assert predict(photos) == 2
    lines = capsys.readouterr().out.splitlines()
    errors = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    (last,) = (number for number, line in enumerate(lines) if "anomalous and" in line)
    assert errors == [last + 1, last + 2] and "001.png" in lines[last + 1] and "002.png" in lines[last + 2]
    assert sum("unreadable" in line for line in lines[:last]) == 2


@pytest.mark.parametrize("ends", [KeyboardInterrupt, MemoryError])
def test_what_ends_half_way_leaves_the_rows_so_far_and_the_table_of_yesterday(detector, photos, tmp_path, ends):
    table = tmp_path / "table.csv"
    table.write_text("of yesterday")

    def stop(number):
        if number == 2:
            raise ends

    detector.on_image = stop
    with pytest.raises(SystemExit):
        predict(photos, "--csv", table)
    assert table.read_text() == "of yesterday"
    assert [row["verdict"] for row in rows_of(tmp_path / "table.csv.part")] == ["normal", "normal"]


def test_the_json_is_the_same_table_and_whole_with_no_image_too(detector, photos, tmp_path):
    predict(photos, "--csv", tmp_path / "t.csv", "--json", tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text())
    assert content["threshold"] == 0.5
    assert [image["path"] for image in content["images"]] == [row["path"] for row in rows_of(tmp_path / "t.csv")]


# === Where to ===


@needs_posix
def test_links_and_pipes_stay_what_they_are(detector, photos, tmp_path):
    (tmp_path / "shared").mkdir()
    first, second, pipe = tmp_path / "latest.csv", tmp_path / "shared" / "latest.csv", tmp_path / "pipe"
    first.symlink_to(second)
    second.symlink_to("2026.csv")  # that is not there yet
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    predict(photos, "--csv", first, "--json", pipe)
    reader.join(20)
    assert first.is_symlink() and second.is_symlink() and pipe.is_fifo()
    assert len(rows_of(tmp_path / "shared" / "2026.csv")) == 4
    assert len(json.loads(got[0])["images"]) == 4


@needs_posix
def test_a_table_may_go_to_standard_output(detector, photos, capfd):
    predict(photos, "--csv", "/dev/stdout")
    printed = capfd.readouterr().out.splitlines()
    assert printed[-5].startswith("path,pred_score") or sum(line.endswith(",normal") for line in printed) == 3


def test_what_cannot_be_written_is_told_before_an_image_is_read(detector, photos, tmp_path, capsys):
    detector.on_image = lambda _number: pytest.fail("scored")
    (tmp_path / "file").write_text("precious")
    gone = tmp_path / "gone" / "t.csv"
    for option in ("--csv", "--json"):
        assert "is a folder" in refused(capsys, photos, option, tmp_path)
        assert "is no folder" in refused(capsys, photos, option, gone)
        assert "is no folder" in refused(capsys, photos, option, tmp_path / "file" / "t.csv")
        assert option in refused(capsys, photos, option, tmp_path / ("x" * 300))
    assert "file is a file" in refused(capsys, photos, "--heatmaps", tmp_path / "file" / "maps")
    assert "--heatmaps" in refused(capsys, photos, "--heatmaps", tmp_path / "file")
    assert "two files" in refused(capsys, photos, "--csv", tmp_path / "t", "--json", tmp_path / "photos" / ".." / "t")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(sys.platform != "linux", reason="a device that is always full, and a folder without files")
@pytest.mark.parametrize("target", ["/proc/table", "/dev/full"])
def test_a_place_that_takes_nothing_is_one_line(detector, photos, capsys, target):
    for option in ("--csv", "--json"):
        assert target in refused(capsys, photos, option, target)


# === Heatmaps ===


def test_heatmaps_in_the_folder_itself_are_not_scored_the_next_time(detector, photos, tmp_path, capsys):
    for place in (photos / "maps", photos):
        for _ in range(2):
            assert predict(photos, "--heatmaps", place, "--csv", tmp_path / "t.csv") == 1
            printed = capsys.readouterr().out
            assert "1 anomalous and 3 normal of 4 images" in printed
            assert [os.path.basename(row["path"]) for row in rows_of(tmp_path / "t.csv")] == [
                f"{i}.png" for i in range(1, 5)
            ]
    assert "passed over 8" in printed and "00000_normal_photos_1.png (drawn by PIADE-TF)" in printed


def test_heatmaps_that_a_pattern_takes_along_are_passed_over_and_told(detector, photos, capsys):
    predict(photos, "--heatmaps", photos)
    capsys.readouterr()
    predict(photos / "*.png")
    printed = capsys.readouterr().out
    assert "of 4 images" in printed and "00000_normal_photos_1.png" in printed.splitlines()[-1]
    assert "drawn by PIADE-TF" in refused(capsys, photos / "0*.png")


def test_a_heatmap_is_called_after_verdict_folder_and_file(detector, photos, tmp_path):
    predict(photos, "--heatmaps", tmp_path / "maps")
    assert sorted(os.listdir(tmp_path / "maps"))[2:] == ["00002_normal_photos_3.png", "00003_anomalous_photos_4.png"]


def test_only_anomalous_lists_and_draws_those_and_what_could_not_be_read_and_counts_all(
    detector, photos, tmp_path, capsys
):
    (photos / "5.png").write_bytes(b"")
    tables = {"csv": tmp_path / "t.csv", "json": tmp_path / "t.json"}
    told = ("--csv", tables["csv"], "--json", tables["json"], "--heatmaps", tmp_path / "maps", "--only", "anomalous")
    assert predict(photos, *told) == 2
    listed = [(os.path.basename(row["path"]), row["pred_label"], row["heatmap"][-6:]) for row in rows_of(tables["csv"])]
    assert listed == [("4.png", "1", "_4.png"), ("5.png", "", "")]
    assert len(json.loads(tables["json"].read_text())["images"]) == 2
    assert os.listdir(tmp_path / "maps") == ["00003_anomalous_photos_4.png"]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and "1 anomalous and 3 normal of 5 images" in printed[-1]


@pytest.mark.parametrize("more", [(), ("--only", "anomalous")])
def test_heatmaps_of_before_with_another_verdict_are_told_and_stay(detector, photos, tmp_path, capsys, more):
    maps = tmp_path / "maps"
    predict(photos, "--heatmaps", maps)
    somebodys = maps / "00000_anomalous_photos_1.png"
    somebodys.write_bytes(b"somebody else's")
    assert "warning" not in capsys.readouterr().out
    detector.threshold = fit_threshold("max", 0.01, [0.0, 1.0])
    assert predict(photos, "--heatmaps", maps, *more) == 0
    told = f"warning: {maps} has pictures of before with another verdict: 00003_anomalous_photos_4.png; remove them"
    assert capsys.readouterr().out.splitlines()[-1] == told
    assert (maps / "00003_anomalous_photos_4.png").exists() and somebodys.read_bytes() == b"somebody else's"
    (maps / "00003_anomalous_photos_4.png").unlink()
    predict(photos, "--heatmaps", maps, *more)
    assert "warning" not in capsys.readouterr().out


PATTERNS = {"*": 6, "**": 6, "**/*": 6, "**/**": 6, "lot*": 2, "**/lot1": 2, "**/deep": 1, "**/*.png": 6, "lot[1]": 2}


@pytest.mark.parametrize("pattern, count", PATTERNS.items())
def test_folders_that_a_pattern_matches_are_walked_once(detector, photos, photograph, capsys, pattern, count):
    for name in ("lot1/1.png", "lot1/deep/[2].png", "lot1/.hidden.png"):
        photograph(photos / name)
    (photos / "empty").mkdir()
    assert predict(photos / pattern) in (0, 1)
    assert f"of {count} images" in capsys.readouterr().out


def test_a_folder_deep_down_that_a_pattern_matches_is_scored_beside_other_folders(detector, photos, tmp_path, capsys):
    (tmp_path / "lots" / "may").mkdir(parents=True)
    os.rename(photos, tmp_path / "lots" / "may" / "cam1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note.txt").write_text("nothing")
    assert predict(tmp_path / "lots" / "**" / "cam1", tmp_path / "lots" / "may" / "*" / "1.png") == 1
    assert "1 anomalous and 4 normal of 5 images" in capsys.readouterr().out


@pytest.mark.parametrize("pattern", ["*", "**", "**/*", "**/*.png"])
def test_pictures_of_a_run_that_a_pattern_takes_along_are_passed_over_and_told(
    detector, photos, photograph, capsys, pattern
):
    run = photos / "run"
    photograph(run / "golden" / "1.png")
    for name in MARKS:
        (run / name).write_text("{}")
    predict(photos / pattern)
    printed = capsys.readouterr().out
    assert "of 4 images" in printed and "run (a run of PIADE-TF)" in printed.splitlines()[-1]
    assert "run (a run of PIADE-TF)" in refused(capsys, photos / "r*")
    predict(run / "golden" / "*.png")  # asked for
    assert "of 1 images" in capsys.readouterr().out


def test_only_pictures_that_were_drawn_are_told_from_photographs(detector, photos, tmp_path):
    predict(photos, "--heatmaps", tmp_path / "maps")
    assert all(map(is_own_picture, (tmp_path / "maps").iterdir()))
    assert not any(map(is_own_picture, photos.iterdir()))
    for wrong in (tmp_path, tmp_path / "gone.png"):
        assert not is_own_picture(wrong)


# === Names ===


@pytest.mark.parametrize("stem", ["部" * 83, "é" * 120, "x" * 251], ids=["three bytes", "two bytes", "one byte"])
def test_heatmaps_of_very_long_names_have_names_of_their_own(detector, photograph, tmp_path, stem):
    paths = [photograph(tmp_path / lot / f"{stem}.png") for lot in ("a", "b")]
    predict(*paths, "--heatmaps", tmp_path / "maps")
    names = sorted(os.listdir(tmp_path / "maps"))
    starts = [f"00000_normal_a_{stem[0]}", f"00001_normal_b_{stem[0]}"]
    assert [name[: len(start)] for name, start in zip(names, starts, strict=True)] == starts
    for name in names:
        assert len(os.fsencode(name)) <= 255 and os.fsencode(name).decode()[-4:] == ".png"
        Image.open(tmp_path / "maps" / name).verify()
