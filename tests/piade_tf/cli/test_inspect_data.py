"""inspect-data: what it prints, the picture, and what it says of a folder that is not understood."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from piade_tf.cli.main import main
from piade_tf.data.summary import Samples
from piade_tf.report.contact_sheet import write_contact_sheet

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    """MVTec's layout with a defect that has a mask, a leak and an unreadable file."""
    root = tmp_path / "data"
    for name, count in (("train/good", 62), ("test/good", 3), ("test/scratch", 2)):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.random.default_rng(len(name) + 1000 * i).integers(0, 256, (30, 40), "uint8")
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    (root / "ground_truth/scratch").mkdir(parents=True)
    for i in range(2):
        mask = np.zeros((30, 40), "uint8")
        mask[5:15, 10:20] = 255
        Image.fromarray(mask).save(root / f"ground_truth/scratch/{i}_mask.png")
    (root / "test/good/2.png").write_bytes((root / "train/good/0.png").read_bytes())
    (root / "train/good/1.png").write_text("notes")
    return root


def inspect(*arguments):
    main(["inspect-data", *map(str, arguments)])


def test_it_prints_layout_counts_sizes_and_what_is_wrong(folder, tmp_path, capsys):
    before = sorted(folder.rglob("*"))
    inspect("--dataset", "folder", "--data-dir", folder, "--out", tmp_path / "sheet.png")
    printed = capsys.readouterr().out
    for line in (
        "Found: MVTec's layout: train/good, test/ with 2 classes, masks in ground_truth/.",
        "Sizes and modes: 66 of 40x30 L",
        "Normal training images are all grey.",
        "unreadable: train/good/1.png is no image in one of PNG",
        "warning: LEAK: 1 test images are among the training images: test/good/2.png = train/good/0.png",
        "The network would learn from 37 images, be watched on 12 and never see 12; 5 to test, as 256x256x1.",
        f"Contact sheet: {tmp_path / 'sheet.png'}",
    ):
        assert line in printed
    rows = [line.split() for line in printed.splitlines() if "scratch" in line and "│" in line]
    assert rows == [["│", "scratch", "│", "-", "│", "2", "│"]]
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("size", "in_folds"), [((), True), (("--image-size", "32"), False)])
def test_it_says_where_good_images_would_choose_the_threshold_in_folds(folder, tmp_path, capsys, size, in_folds):
    inspect("--dataset", "folder", "--data-dir", folder, "--out", tmp_path / "sheet.png", *size)
    assert ("scored by statistics of the others, fold by fold." in capsys.readouterr().out) == in_folds


def test_a_folder_of_good_images_says_that_there_will_be_no_metrics(folder, tmp_path, capsys):
    inspect("--dataset", "folder", "--data-dir", folder / "train" / "good", "--out", tmp_path / "sheet.png")
    assert "No test images: a run trains and sets a threshold, but there will be no metrics." in capsys.readouterr().out


def test_a_folder_that_is_not_understood_is_shown_beside_what_was_looked_for(folder, tmp_path, capsys):
    (tmp_path / "other" / "data").mkdir(parents=True)
    (tmp_path / "other" / "data" / "notes.txt").write_text("x")
    with pytest.raises(SystemExit) as stop:
        inspect("--dataset", "folder", "--data-dir", tmp_path / "other")
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert "Looked for\n  MVTec's layout:         train/good/*.png" in printed.out
    assert "Found\n  other/: no files\n    data/: 1 .txt" in printed.out
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1


def test_too_many_unreadable_files_are_all_named(folder, tmp_path, capsys):
    for i in range(10, 20):
        (folder / f"train/good/{i}.png").write_text("notes")
    with pytest.raises(SystemExit):
        inspect("--dataset", "folder", "--data-dir", folder)
    printed = capsys.readouterr()
    assert printed.out.count("unreadable: train/good/") == 11 and "more than a tenth" in printed.err


def test_the_picture_is_never_written_into_the_data(folder, capsys):
    with pytest.raises(SystemExit):
        inspect("--dataset", "folder", "--data-dir", folder, "--out", folder / "test" / "sheet.png")
    assert "lies in the data's own folder" in capsys.readouterr().err
    assert not (folder / "test" / "sheet.png").exists()


@pytest.mark.parametrize("size", [(24, 24), (24, 60), (60, 24)])
def test_the_picture_outlines_masks_and_shows_every_kind(tmp_path, size):
    grey = np.full((8, *size, 1), 128, "uint8")
    masks = np.zeros((8, *size), "uint8")
    plain, outlined = (
        Samples("test, scratch (anomalous)", grey[: 3 + i], None if i == 0 else masks[:4]) for i in (0, 1)
    )
    write_contact_sheet(tmp_path / "plain.png", [plain, plain], "title with $ and _")
    masks[:, 4:12, 4:12] = 1
    write_contact_sheet(tmp_path / "outlined.png", [plain, outlined], "title")
    orange = {}
    for name in ("plain", "outlined"):
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int)
        orange[name] = int(np.sum(np.abs(pixels - [0xD5, 0x5E, 0x00]).max(-1) < 20))
    assert orange["plain"] == 0 and orange["outlined"] > 100


def test_the_command_runs_in_a_process_of_its_own(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "piade_tf", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )

    process = run("inspect-data", "--dataset", "digits", "--normal-class", "4")
    assert (process.returncode, process.stderr) == (0, "")
    assert (tmp_path / "contact_sheet_digits_4.png").is_file()
    process = run("inspect-dat")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("error: ") and process.stderr.count("\n") == 1
    assert "'inspect-dat'" in process.stderr and "inspect-data" in process.stderr
    process = run("--help")
    assert process.returncode == 0 and "inspect-data" in process.stdout
