"""Does a fresh checkout give the numbers of the documents? One cell of most tables of accuracies, measured again.

    python -m benchmarks.results_quick --tfds DIR --photographs DIR
    make results-quick TFDS=DIR PHOTOGRAPHS=DIR

Goes through the benchmark that wrote the table's CSV, to a CSV of its own, and is compared with the committed one:
it agrees if it lies between the lowest and the highest seed there, either widened by their standard deviation, or by
0.005 where that is more or there is one seed (from one training to another the AUROC of a class changes by about that).
Exit code 1 where one does not agree or could not be measured. Two are measured at a time, since one alone leaves
cores idle while it reads and starts (`--jobs`). Left out: tables of speed, which depend on the machine; what is beside
anomalib, which needs a second environment; bottle from scratch, the choice of the map, and what was measured on another
processor.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.ablations import BASE, OF_PAPER
from benchmarks.grid_cell import PRETRAINED, SCRATCH
from benchmarks.speed_networks import positive
from benchmarks.table_parts import RESULTS, ROOT, read

LEAST = 0.005
NO_DECODER = ("--", "--no-tensorboard", "--epochs", "1")


class Check(NamedTuple):
    """One cell of a table.

    Attributes:
        table: in the documents.
        words: of the benchmark, after the name of its module; `{tfds}`, `{photographs}`, `{runs}` and `{out}` are
            filled in.
        file: the committed CSV.
        where: columns and values that its rows have.
        column: that is compared.
    """

    table: str
    words: tuple[str, ...]
    file: str
    where: Mapping[str, str]
    column: str


def _photographs(file: str, *words: str) -> tuple[str, ...]:
    return (
        file.removesuffix(".csv"),
        "--data-dir",
        "{photographs}",
        "--data",
        "bottle",
        "--out",
        "{out}/{file}",
        *words,
    )


def _grid(dataset: str, normal_class: str, *words: str) -> tuple[str, ...]:
    data = () if dataset == "digits" else ("--data-dir", "{tfds}")
    ends = ("--seeds", "0", "--runs-dir", "{runs}", "--out", "{out}/{file}")
    return ("grid", "--dataset", dataset, "--classes", normal_class, *data, *words, *ends)


AUROC = "image_AUROC"
OF_FIXED_ROWS = (
    Check(
        "photographs",
        _photographs("photographs.csv", "--seeds", "0", "--runs-dir", "{runs}", *NO_DECODER),
        "photographs.csv",
        {"data": "bottle", "options": " ".join(NO_DECODER[1:])},
        AUROC,
    ),
    Check(
        "few_images",
        _photographs("few_images.csv", "--counts", "10", "--draws", "1", "--figure", "{out}/few_images.png"),
        "few_images.csv",
        {"data": "bottle", "images": "10"},
        AUROC,
    ),
)


def checks_of_grid(dataset: str) -> list[Check]:
    """Of the grid on a data set a row of either encoder and one of an ablation, where they are measured."""
    file = f"grid_{dataset}.csv"
    rows = read(file)
    defaults = [row for row in rows if row["ablation"] == BASE]
    from_scratch = [row for row in defaults if row["encoder"] == SCRATCH]
    pretrained = [row for row in rows if row["encoder"] == PRETRAINED and row["ablation"] in (BASE, "one_epoch")]
    ablations = [row for row in rows if row["ablation"] in OF_PAPER[1:] and row["normal_class"] == STEADY]
    found = []
    for table, candidates, column in (
        (f"grid_{dataset}_scratch", from_scratch, AUROC),
        (f"grid_{dataset}_pretrained", pretrained, AUROC),
        (f"ablations_{dataset}_combined", ablations, AUROC),
    ):
        for row in candidates[:1]:
            ablation = "one_epoch" if row["encoder"] == PRETRAINED else row["ablation"]
            words = ("--preset", row["preset"], "--encoder", row["encoder"], "--ablation", ablation)
            where = {name: row[name] for name in ("normal_class", "preset", "encoder", "ablation")}
            found.append(Check(table, _grid(dataset, row["normal_class"], *words), file, where, column))
    return found


STEADY = "3"  # a class in which seeds differ little
GRIDS = ("digits", "fashion_mnist", "mnist", "cifar10", "coil100")
CHECKS = (*OF_FIXED_ROWS, *(check for name in GRIDS for check in checks_of_grid(name)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns 0, or 1 where a cell does not agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tfds", required=True, help="the folder of TensorFlow Datasets")
    parser.add_argument("--photographs", required=True, help="the folder that benchmarks/photographs.py takes")
    parser.add_argument("--jobs", type=positive, default=min(2, os.cpu_count() or 1), help="checks at a time (2)")
    args = parser.parse_args(arguments)
    disagree, start = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.jobs) as pool:
        given = {"tfds": args.tfds, "photographs": args.photographs}
        waiting = {
            pool.submit(judged, check, partial(measure, given=given, folder=Path(folder, str(number)))): check
            for number, check in enumerate(CHECKS)
        }
        try:
            for done in as_completed(waiting):
                fine, told = done.result()
                print(f"{'agrees' if fine else 'DIFFERS'}: {told}", flush=True)
                disagree += [] if fine else [waiting[done].table]
        except BaseException:  # the others would be measured before the command ends
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print(f"{len(CHECKS) - len(disagree)} of {len(CHECKS)} agree, {(time.monotonic() - start) / 60:.0f} minutes")
    return int(bool(disagree))


def measure(check: Check, given: Mapping[str, str], folder: Path) -> float | None:
    """Runs the benchmark with a folder of its own; the value of the new row, None where it failed."""
    folder.mkdir()
    places = {**given, "out": folder, "runs": folder / "runs", "file": check.file}
    module, *words = (word.format(**places) for word in check.words)
    out = folder / check.file
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *words],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode or not out.exists():
        print(done.stderr[-2000:], file=sys.stderr)
        return None
    with open(out, newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file), {})
    return float(row[check.column]) if row.get(check.column) else None


def judged(check: Check, measure: Callable[[Check], float | None], results: Path = RESULTS) -> tuple[bool, str]:
    """Whether a cell agrees with the committed CSV, and a line that says so."""
    name = f"{check.table}, {', '.join(check.where.values())}, {check.column}"
    committed = committed_values(check, results)
    if not committed:
        return False, f"{name}: {check.file} has no such row"
    low, high = span(committed)
    value = measure(check)
    if value is None:
        return False, f"{name}: could not be measured"
    return low <= value <= high, f"{name}: {value:.4f}, the documents {low:.4f} to {high:.4f}"


def committed_values(check: Check, results: Path = RESULTS) -> list[float]:
    """The values of the check's rows, a seed each."""
    if not (results / check.file).exists():
        return []
    with open(results / check.file, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if check.where.items() <= row.items()]
    return [float(row[check.column]) for row in rows]


def span(values: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest of the seeds, either widened by their standard deviation or by `LEAST`."""
    margin = max(LEAST, statistics.stdev(values) if len(values) > 1 else 0.0)
    return min(values) - margin, max(values) + margin


if __name__ == "__main__":
    sys.exit(main())
