"""Ends a training by force at random moments, again and again, and sees whether it goes on and ends as it should.

    python benchmarks/faults.py                # 20 times by SIGKILL; 5 trainings
    python benchmarks/faults.py --kills 4      # 1 training

Every training of the digits is ended by SIGINT and by SIGTERM at any moment from its start on, and by SIGKILL in
training, while a checkpoint is written, in calibration and in export. Each time the same command goes on. In the end
its metrics are compared, bit for bit, with those of a training that was left alone. After each signal every file in the
run is read. Writes benchmarks/results/faults.csv, the rows of a training as it ends; those that are there are not made
again.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
from PIL import Image

from export.publish.manifest import processor

RESULT = ROOT / "benchmarks" / "results" / "faults.csv"
HEADER = (
    "training",
    "signal",
    "moment",
    "seconds",
    "exit_code",
    "traceback",
    "unreadable",
    "equal_metrics",
    "processor",
)
# What starts a moment, in what is printed, and within how many seconds after it the signal is sent.
PRINTED = {"training": ("epoch ", 10.0), "calibration": ("fitting the statistics", 2.0), "export": ("exporting", 8.0)}
KILLS = ("training", "checkpoint", "calibration", "export")
EARLY = 12.0  # seconds from the start within which SIGINT and SIGTERM come
OPTIONS = ("--epochs", "150", "--patience", "150", "--formats", "float32", "int8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how often SIGKILL is sent; four times a training")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trainings = Trainings(Path(folder))
        for number in range(_done(), -(-args.kills // len(KILLS))):
            rows = trainings.ended_by_force(number)
            new = not RESULT.exists()
            with open(RESULT, "a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([HEADER, *rows] if new else rows)
            print(f"training {number}: {rows}", flush=True)


def _done() -> int:
    if not RESULT.exists():
        return 0
    with open(RESULT, newline="", encoding="utf-8") as file:
        return len({row["training"] for row in csv.DictReader(file)})


class Trainings:
    """Trainings in a folder, all alike but for what is done to them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.started("whole").wait()
        self.expected = metrics_of(folder / "runs" / "whole")

    def started(self, name: str) -> subprocess.Popen:
        """A training as a process, or one that goes on; what it prints is in `name`.log."""
        log = open(self.folder / f"{name}.log", "w")  # noqa: SIM115 (the process has it)
        command = [sys.executable, "train.py", *OPTIONS, "--runs-dir", str(self.folder / "runs"), "--name", name]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, preexec_fn=_takes_sigint)

    def ended_by_force(self, number: int) -> list[tuple]:
        """The rows of a training that is ended again and again, and at last left alone."""
        rng, name, rows = random.Random(number), f"run{number}", []
        faults = [(signal.SIGINT, "any"), (signal.SIGTERM, "any"), *((signal.SIGKILL, moment) for moment in KILLS)]
        for sent, moment in faults:
            process = self.started(name)
            seconds = self._wait(process, name, moment, rng)
            process.send_signal(sent)
            code = process.wait()
            assert code in (128 + sent, -sent), f"{name} ended by itself with {code}: {self._log(name)[-500:]}"
            traceback = "Traceback" in self._log(name)
            rows.append(
                (number, sent.name, moment, round(seconds, 3), code, traceback, unreadable(self.folder / "runs" / name))
            )
        self.started(name).wait()
        run = self.folder / "runs" / name
        equal = (run / "metrics.json").exists() and metrics_of(run) == self.expected
        return [(*row, equal, processor()) for row in rows]

    def _wait(self, process: subprocess.Popen, name: str, moment: str, rng: random.Random) -> float:
        """Waits for a moment; returns the seconds from what starts it."""
        start = time.monotonic()
        if moment == "checkpoint":
            checkpoints = self.folder / "runs" / name / "checkpoints"
            while process.poll() is None and not list(checkpoints.glob(".*.npz")):
                pass
            return 0.0
        most = EARLY
        if moment in PRINTED:
            text, most = PRINTED[moment]
            while process.poll() is None and text not in self._log(name):
                time.sleep(0.005)
            start = time.monotonic()
        wanted = rng.uniform(0, most)
        while process.poll() is None and time.monotonic() - start < wanted:
            time.sleep(0.002)
        return time.monotonic() - start

    def _log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")


def unreadable(run: Path) -> int:
    """How many files of a run cannot be read; names with a dot in front say that they are not whole."""
    paths = [path for path in run.rglob("*") if path.is_file()]
    seen = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(run).parts)]
    return sum(not _is_readable(path) for path in seen)


def _takes_sigint() -> None:
    """A shell has what it starts in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_readable(path: Path) -> bool:
    try:
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".npz", ".keras"):
            with zipfile.ZipFile(path) as content:
                return content.testzip() is None
        elif path.suffix == ".npy":
            np.load(path)
        elif path.suffix == ".png":
            Image.open(path).load()
        elif path.suffix == ".csv":
            with open(path, newline="", encoding="utf-8") as file:
                return len({len(row) for row in csv.reader(file)}) == 1
        return True
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def metrics_of(run: Path) -> dict:
    """All metrics but the time."""
    return json.loads((run / "metrics.json").read_text(encoding="utf-8")) | {"train_seconds": None}


if __name__ == "__main__":
    main()
