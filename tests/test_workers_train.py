"""`train.py` on two machines, here two processes: one dies, both are started again, and one run directory is left."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from free_addresses import free_addresses

ROOT = Path(__file__).parents[1]
EPOCHS = 8
SMALL = "--network.widths 8 --network.stem-stride 4 --network.magnifications 1 2 --network.capsule-dim 4"
OPTIONS = (
    *("--dataset", "digits", "--epochs", EPOCHS, "--patience", EPOCHS, "--name", "run", "--no-tensorboard", "--export"),
    *SMALL.split(),
    *("--network.vector-dim", "6", "--network.upsampling", "8"),
)


class Machines:
    """Starts a worker each, and ends those that are left."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def start(self, *options):
        addresses = free_addresses(2)
        self.processes = [self._started(index, addresses, options) for index in range(2)]
        return self.processes

    def _started(self, index, addresses, options):
        own = self.folder / f"machine{index}"
        (own / "tmp").mkdir(parents=True, exist_ok=True)
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        with open(own / "out.txt", "w") as out, open(own / "err.txt", "w") as err:
            return subprocess.Popen(
                [sys.executable, str(ROOT / "train.py"), *map(str, options)],
                env={**os.environ, "TF_CONFIG": json.dumps(task), "TMPDIR": str(own / "tmp")},
                cwd=own,
                stdout=out,
                stderr=err,
            )

    def said(self, index):
        own = self.folder / f"machine{index}"
        return (own / "out.txt").read_text(), (own / "err.txt").read_text()

    def wait_for(self, text, seconds=180):
        until = time.monotonic() + seconds
        while text not in self.said(0)[0]:
            assert time.monotonic() < until and self.processes[0].poll() is None, self.said(0)
            time.sleep(0.1)


@pytest.fixture
def machines(tmp_path):
    found = Machines(tmp_path)
    yield found
    for process in found.processes:
        process.kill()
        process.wait()


def test_a_worker_that_dies_ends_the_other_and_both_together_go_on(machines, tmp_path):
    chief, other = machines.start(*OPTIONS)
    machines.wait_for("epoch 3/")
    other.kill()
    assert chief.wait(60) == 75
    out, err = machines.said(0)
    (line,) = err.splitlines()
    assert line.startswith("error: another worker has gone (") and "start all workers again, with " in line
    assert line.endswith(f"--resume {Path('runs', 'run')}")

    chief, other = machines.start(*OPTIONS)
    assert (chief.wait(240), other.wait(60)) == (0, 0), (machines.said(0), machines.said(1))
    out, err = machines.said(0)
    assert "MultiWorkerMirroredStrategy: 2 workers (localhost:" in out and "Going on after epoch " in out and not err
    with open(tmp_path / "machine0" / "runs" / "run" / "history.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == EPOCHS
    assert json.loads((tmp_path / "machine0" / "runs" / "run" / "metrics.json").read_text())["image_AUROC"] > 0.9
    # The other worker says one line and leaves nothing.
    out, err = machines.said(1)
    assert out.startswith("Worker 1 of localhost:") and len(out.splitlines()) == 1 and not err
    assert sorted(path.name for path in (tmp_path / "machine1").iterdir()) == ["err.txt", "out.txt", "tmp"]
    assert not list((tmp_path / "machine1" / "tmp").glob("piade-tmp-*"))


def test_workers_with_different_options_say_so_and_leave_nothing(machines, tmp_path):
    addresses = free_addresses(2)
    machines.processes = [
        machines._started(index, addresses, ("--dataset", "digits", "--seed", index)) for index in range(2)
    ]
    assert [process.wait(120) for process in machines.processes] == [2, 2]
    for index in range(2):
        line = "error: the options of worker 1 differ from those of worker 0: training.seed is 1, not 0"
        assert machines.said(index)[1].splitlines() == [line]
    assert not (tmp_path / "machine0" / "runs").exists()
