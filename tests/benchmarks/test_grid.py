"""The grid: which cells there are, what is not run again, and what is left when it is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.ablations import ABLATIONS, BASE, OF_PAPER
from benchmarks.grid import _parse, add_row, cells_of, main, read_rows, run_grid, summary
from benchmarks.grid_cell import HEADER, KEY, SETS, Busy, Cell, Failed, measured, row_of
from piade_tf.cli.parsing import parse_config

ROOT = Path(__file__).parents[2]
CELLS = [Cell("digits", name, "compact", "scratch", BASE, "0") for name in "012"]


def row(cell, auroc=0.5):
    return dict.fromkeys(HEADER, "") | dict(zip(KEY, cell.key, strict=True)) | {"image_AUROC": auroc}


class Trainings:
    """Stands for training; counts, and fails or is busy where it is told to."""

    def __init__(self, **raises):
        self.cells, self.raises = [], raises

    def __call__(self, cell):
        self.cells.append(cell)
        if error := self.raises.get(f"class_{cell.normal_class}"):
            raise error
        return row(cell)


def keys(path):
    return [tuple(found[name] for name in KEY) for found in read_rows(path)]


def test_all_classes_seeds_and_ablations_make_the_grid():
    args = _parse(["--dataset", "fashion_mnist", "--classes", "all", "--seeds", "0", "1", "--ablation", "all"])
    cells = cells_of(args)
    assert len(set(cells)) == len(cells) == 10 * 2 * len(OF_PAPER)
    assert {cell.encoder for cell in cells} == {"scratch"}
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)


@pytest.mark.parametrize("ablation", ABLATIONS)
@pytest.mark.parametrize("dataset, encoder", [("fashion_mnist", "scratch"), ("bottle", "scratch"), ("cookies", None)])
def test_every_cell_is_a_command_line_of_train_without_export(dataset, encoder, ablation):
    data = SETS[dataset]
    cell = Cell(dataset, data.classes[0], "compact", encoder or data.encoder, ablation, "3")
    config = parse_config(cell.words(Path("D")))
    assert (config.training.seed, config.export, config.network.encoder) == (3, (), cell.encoder)
    base = parse_config(Cell(dataset, data.classes[0], "compact", cell.encoder, BASE, "3").words(Path("D")))
    assert (config == base) == (ablation == BASE)


def test_the_settings_are_the_same_for_every_class():
    configs = {
        tuple(word for word in Cell("mnist", name, "compact", "scratch", BASE, "0").words(Path("D")) if word != name)
        for name in SETS["mnist"].classes[1:]
    }
    assert len(configs) == 1


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--dataset", "mnist", "--classes", "shoe"], "--classes: mnist has 0 1 2"),
        (["--dataset", "shoes"], "invalid choice: 'shoes'"),
        (["--dataset", "mnist", "--preset", "paper", "--encoder", "efficientnet_lite0"], "leave --encoder out"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_finished_cell_is_not_trained_again(tmp_path):
    out, first, second = tmp_path / "grid.csv", Trainings(), Trainings()
    run_grid(CELLS[:2], out, first)
    run_grid(CELLS, out, second)
    assert first.cells == CELLS[:2] and second.cells == CELLS[2:]
    assert keys(out) == [cell.key for cell in CELLS]


def test_other_seeds_and_ablations_are_other_cells(tmp_path):
    out = tmp_path / "grid.csv"
    add_row(out, row(CELLS[0]))
    others = [Cell(*CELLS[0].key[:4], BASE, "1"), Cell(*CELLS[0].key[:4], "skip", "0")]
    trainings = Trainings()
    run_grid(others, out, trainings)
    assert trainings.cells == others


def test_a_cell_that_fails_is_told_and_the_others_go_on(tmp_path):
    out, said = tmp_path / "grid.csv", []
    failed = run_grid(CELLS, out, Trainings(class_0=Failed("exit code 2"), class_1=Busy()), said.append)
    assert failed == [CELLS[0]]
    assert keys(out) == [CELLS[2].key]
    assert "failed, exit code 2" in said[1] and "another process" in said[2]
    assert said[-1].startswith("not measured here") and said[-1].endswith(f": {CELLS[1].name}")


def test_progress_says_how_many_and_the_time_left(tmp_path):
    said = []
    run_grid(CELLS, tmp_path / "grid.csv", Trainings(), said.append)
    assert [line[:5] for line in said[1:]] == ["[1/3]", "[2/3]", "[3/3]"]
    assert said[1].endswith("0 min left") and "image AUROC 0.5000" in said[1]


def test_the_summary_has_the_mean_over_classes_and_its_deviation_over_seeds():
    rows = [
        row(Cell("digits", name, "compact", "scratch", BASE, seed), auroc)
        for name, seed, auroc in (("0", "0", 0.8), ("1", "0", 1.0), ("0", "1", 0.9), ("1", "1", 1.0))
    ]
    assert summary(rows) == ("digits compact scratch base: image AUROC 0.9250 +- 0.0354, 2 seeds of 2 classes\n")


TRAIN = """
import json, pathlib, sys, time
words = sys.argv[1:]
run = pathlib.Path(words[words.index("--runs-dir") + 1], words[words.index("--name") + 1])
run.mkdir(exist_ok=True)  # as piade train, goes on with one that was broken off
(run / "started").touch()
if pathlib.Path(__file__).with_name("slow").exists():
    time.sleep(60)
(run / "report.html").touch()
"""
GRID = """
import sys
from pathlib import Path
from benchmarks import grid, grid_cell
grid_cell.TRAIN = (sys.executable, sys.argv[1])
grid_cell.row_of = lambda cell, path, wall: dict.fromkeys(grid_cell.HEADER, "") | dict(
    zip(grid_cell.KEY, cell.key)) | {"image_AUROC": 0.5, "wall_seconds": wall}
grid.measured = lambda cell, runs, data: grid_cell.measured(cell, runs, data, grid_cell.TRAIN)
sys.exit(grid.main(sys.argv[2:]))
"""


def grid_process(folder):
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    options = ["--dataset", "digits", "--classes", "0", "--runs-dir", str(folder / "runs")]
    command = [sys.executable, "-c", GRID, str(folder / "train.py"), *options, "--out", str(folder / "grid.csv")]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.05)


@pytest.mark.parametrize("with_what", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_cell_is_gone_on_with_and_then_never_again(tmp_path, with_what):
    run = tmp_path / "runs" / CELLS[0].name
    (tmp_path / "slow").touch()
    with grid_process(tmp_path) as killed:
        wait_for(run / "started")
        killed.send_signal(with_what)
    assert killed.returncode != 0 and not (tmp_path / "grid.csv").exists()
    if with_what == signal.SIGKILL:  # the training outlives it, and nobody else begins one in the same folder
        with grid_process(tmp_path) as second:
            assert "another process is at it" in second.stdout.read()
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            if str(tmp_path / "train.py").encode() in process.read_bytes():
                os.kill(int(process.parent.name), signal.SIGKILL)
    (tmp_path / "slow").unlink()
    with grid_process(tmp_path) as again:
        assert "[1/1]" in again.stdout.read()
    assert again.returncode == 0 and keys(tmp_path / "grid.csv") == [CELLS[0].key]
    assert read_rows(tmp_path / "grid.csv")[0]["wall_seconds"] == ""  # of the last part alone it would say too little
    with grid_process(tmp_path) as third:
        assert "1 cells, 1 of them in" in third.stdout.read()


def test_a_run_that_is_done_but_has_no_row_is_read_and_not_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.grid_cell.row_of", lambda cell, path, wall: {"path": path, "wall_seconds": wall})
    run = tmp_path / CELLS[0].name
    run.mkdir()
    (run / "report.html").touch()
    assert measured(CELLS[0], tmp_path, None, ("no-such-program",)) == {"path": run, "wall_seconds": None}


def test_a_training_that_ends_with_an_error_fails_the_cell(tmp_path):
    with pytest.raises(Failed, match="exit code 3"):
        measured(CELLS[0], tmp_path, None, (sys.executable, "-c", "raise SystemExit(3)"))


def test_a_row_has_what_the_run_measured(exported):
    found = row_of(CELLS[0], exported.run, 12.34)
    metrics = json.loads((exported.run / "metrics.json").read_text(encoding="utf-8"))
    assert list(found) == list(HEADER)
    assert tuple(found[name] for name in KEY) == CELLS[0].key
    for score, value in metrics["image_AUROC_by_score"].items():
        assert found[f"image_AUROC_{score}"] == pytest.approx(value, abs=1e-6)
    assert found["image_AUROC"] == found["image_AUROC_combined"]
    assert found["image_F1Max"] == found["image_F1Max_combined"]
    assert found["image_AUROC_bank"] is None and found["wall_seconds"] == 12.34
    assert found["epochs"] == metrics["epochs"] and found["parameters"] > 1000
    assert "tensorflow=2" in found["versions"] and found["processor"]


def test_rows_come_back_from_the_csv(tmp_path):
    add_row(tmp_path / "grid.csv", row(CELLS[0], 0.75))
    with open(tmp_path / "grid.csv", newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == list(HEADER)
    assert read_rows(tmp_path / "grid.csv")[0]["image_AUROC"] == "0.75"
