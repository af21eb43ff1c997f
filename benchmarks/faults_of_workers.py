"""Ends one of two workers of a training at random moments, and sees how the other ends and whether both go on.

    python benchmarks/faults_of_workers.py             # 8 times, about 8 minutes on 2 idle cores
    python benchmarks/faults_of_workers.py --times 4

In turns the chief and the other worker get SIGKILL, in training, then SIGSTOP, as a machine that hangs or has lost its
network. The one that is left has to end by itself; then both are started again with the same command, and in the end
metrics and scores are compared, bit for bit, with those of a training that was left alone. After each end every file in
the run is read. Writes benchmarks/results/faults_of_workers.csv anew.
"""

import argparse
import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.faults import metrics_of, unreadable
from export.publish.manifest import processor
from piade_tf.files import write_csv
from piade_tf.run_directory import git_commit

RESULT = ROOT / "benchmarks" / "results" / "faults_of_workers.csv"
HEADER = ("number", "signal", "worker", "seconds_in_training", "seconds_to_the_end", "exit_code", "lines", "traceback",
          "unreadable", "equal_metrics", "processor", "git_commit")  # fmt: skip
SMALL = "--network.widths 8 --network.stem-stride 4 --network.magnifications 1 2 --network.capsule-dim 4"
OPTIONS = (
    *["--dataset", "digits", "--epochs", "40", "--patience", "40", "--no-tensorboard", "--export"],
    *SMALL.split(),
    *["--network.vector-dim", "6", "--network.upsampling", "8"],
)
FAULTS = [(sent, worker) for sent in (signal.SIGKILL, signal.SIGSTOP) for worker in (0, 1)]
MOST = 5.0  # seconds after the first epoch within which the signal comes
PATIENCE = 180  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=8)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pairs = Pairs(Path(folder))
        for number in range(args.times):
            rows.append(pairs.ended_by_force(number, *FAULTS[number % len(FAULTS)]))
            print(*rows[-1][:-2], flush=True)
            write_csv(RESULT, HEADER, rows)


class Pairs:
    """Trainings of two workers in a folder, all alike but for what is done to them."""

    def __init__(self, folder: Path):
        self.folder = folder
        for worker in self.started("whole"):
            worker.wait()
        self.expected = self._found("whole")

    def started(self, name: str) -> list[subprocess.Popen]:
        """Both workers of a training, or of one that goes on."""
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        addresses = [f"localhost:{one.getsockname()[1]}" for one in sockets]
        for one in sockets:
            one.close()
        command = [sys.executable, "train.py", *OPTIONS, "--runs-dir", str(self.folder / "runs"), "--name", name]
        workers = []
        for index in range(2):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = os.environ | {"PYTHONUNBUFFERED": "1", "TF_CONFIG": json.dumps(task)}
            with open(self._log(name, index), "w") as log:
                workers.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        return workers

    def ended_by_force(self, number: int, sent: signal.Signals, index: int) -> list:
        """The row of a training, one of whose workers gets a signal."""
        name, wanted = f"run{number}", random.Random(number).uniform(0, MOST)
        workers = self.started(name)
        while "epoch 1/" not in self._log(name, 0).read_text() and workers[0].poll() is None:
            time.sleep(0.01)
        time.sleep(wanted)
        workers[index].send_signal(sent)
        start = time.monotonic()
        left = 1 - index
        try:
            code: int | str = workers[left].wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = "none"
        seconds = time.monotonic() - start
        for worker in workers:
            worker.kill()
            worker.wait()
        said = self._log(name, left).read_text()
        errors = [line for line in said.splitlines() if line.startswith("error:")]
        broken = unreadable(self.folder / "runs" / name)
        for worker in self.started(name):
            worker.wait()
        equal = self._found(name) == self.expected
        about = (sent.name, ("chief", "other")[index], round(wanted, 2), round(seconds, 1), code, len(errors))
        return [number, *about, "Traceback" in said, broken, equal, processor(), git_commit()]

    def _found(self, name: str) -> tuple:
        run = self.folder / "runs" / name
        if not (run / "metrics.json").exists():
            return ()
        with open(run / "scores.csv", newline="", encoding="utf-8") as file:
            return metrics_of(run), list(csv.reader(file))

    def _log(self, name: str, index: int) -> Path:
        return self.folder / f"{name}-{index}.log"


if __name__ == "__main__":
    main()
