"""One comparison of benchmarks/speed.py: its processes, and rounds through all that they measure."""

import dataclasses
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.speed_networks import NETWORKS, Network, Worker
from piade_tf.errors import InputError

OURS, PYTORCH, PRODUCT = "ours", "pytorch", "product"
PRODUCT_MULTIPLY_ADDS = 2048**3
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
NO_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # its kernels take longer to start than small images take to compute


class Comparison(NamedTuple):
    """Of one network at one batch; `what` is `training` or `inference`."""

    what: str
    network: Network
    batch: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The first four columns of its rows."""
        return self.what, self.network.name, self.network.image, str(self.batch)


@dataclasses.dataclass(frozen=True)
class Found:
    """What the rounds of a comparison found.

    Attributes:
        seconds: of a step or a call, one a round, by candidate; among them `product`.
        threads: that each candidate computed with; 0: as many as TensorFlow likes. Others had one.
        multiply_adds: of a step or a call.
        parameters: of the network, in training those that are trained.
        versions: of the packages.
    """

    seconds: dict[str, list[float]]
    threads: dict[str, int]
    multiply_adds: int
    parameters: int
    versions: dict[str, str]

    def ratios(self, candidate: str, other: str = PYTORCH) -> list[float]:
        """How many times as fast a candidate was as another, round by round."""
        return [two / one for one, two in zip(self.seconds[candidate], self.seconds[other], strict=True)]

    def gflop_per_second(self, candidate: str) -> list[float]:
        """Round by round, an addition and a multiplication counted as two."""
        work = PRODUCT_MULTIPLY_ADDS if candidate == PRODUCT else self.multiply_adds
        return [2e-9 * work / seconds for seconds in self.seconds[candidate]]


def training(comparison: Comparison, python: str, rounds: int, steps: int) -> Found:
    """Trains with ours and with PyTorch in turn.

    Raises:
        InputError: the two networks have not the same number of trainable parameters.
    """
    with workers(comparison.network, python, {}) as (product, start):
        ours, torch = start("speed_ours.py"), start("speed_torch.py")
        about, theirs = ours.ask("prepare_training"), torch.ask("prepare_training", batch=comparison.batch)
        product.ask("prepare_product", threads=0)
        check_parameters(comparison, about["parameters"], theirs["parameters"])
        seconds: dict[str, list[float]] = {PRODUCT: [], OURS: [], PYTORCH: []}
        for number in range(1, rounds + 1):
            seconds[PRODUCT].append(product.ask("time", candidate=PRODUCT))
            seconds[OURS].append(ours.ask("train", steps=steps))
            seconds[PYTORCH].append(torch.ask("train", steps=steps))
            tell(number, rounds, seconds)
        threads = {PRODUCT: 0, OURS: 0, PYTORCH: theirs["threads"]}
        versions = ours.ask("versions") | torch.ask("versions")
    return Found(seconds, threads, about["multiply_adds"], about["parameters"], versions)


def inference(comparison: Comparison, python: str, rounds: int) -> Found:
    """Calls everything in turn, on one thread.

    Raises:
        InputError: the two networks have not the same number of parameters.
    """
    batch = comparison.batch
    with workers(comparison.network, python, ONE_THREAD) as (product, start):
        exporter = start("speed_ours.py")
        about = exporter.ask("export", batch=batch, scored=batch == 1)
        exporter.end()
        tensorflow, litert, torch = start("speed_ours.py"), start("speed_ours.py"), start("speed_torch.py")
        without = start("speed_ours.py", NO_ONEDNN)
        theirs = torch.ask("prepare_inference", batch=batch)
        check_parameters(comparison, about["parameters"], theirs["parameters"])
        litert.ask("prepare_litert", batch=batch, files=about["files"])
        names = tensorflow.ask("prepare_tensorflow", batch=batch, scored=batch == 1)
        saved = without.ask("prepare_saved_model", batch=batch, scored=batch == 1)
        product.ask("prepare_product", threads=1)
        of = {PRODUCT: product, PYTORCH: torch, "onnxruntime": torch}
        of |= dict.fromkeys(names, tensorflow) | dict.fromkeys(saved, without) | dict.fromkeys(about["files"], litert)
        seconds: dict[str, list[float]] = {name: [] for name in of}
        for number in range(1, rounds + 1):
            for name, worker in of.items():
                seconds[name].append(worker.ask("time", candidate=name))
            tell(number, rounds, seconds)
        versions = tensorflow.ask("versions") | torch.ask("versions")
    return Found(seconds, {}, about["multiply_adds"], about["parameters"], versions)


@contextmanager
def workers(
    network: Network, python: str, environment: dict[str, str]
) -> Iterator[tuple[Worker, Callable[..., Worker]]]:
    """A worker of ours that has told PyTorch's about the network, and what starts others; all are ended in the end.

    Args:
        network: that they have.
        python: for PyTorch's.
        environment: of all.
    """
    started: list[Worker] = []
    with tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / "network.json"

        def start(script: str, more: dict[str, str] | None = None) -> Worker:
            of_torch = script == "speed_torch.py"
            words = (str(about),) if of_torch else (str(NETWORKS.index(network)), folder)
            started.append(Worker(python if of_torch else sys.executable, script, words, environment | (more or {})))
            return started[-1]

        try:
            first = start("speed_ours.py")
            about.write_text(json.dumps(first.ask("describe")), encoding="utf-8")
            yield first, start
        finally:
            for worker in started:
                worker.end()


def check_parameters(comparison: Comparison, ours: int, theirs: int) -> None:
    if ours != theirs:
        raise InputError(
            f"{' '.join(comparison.key)}: our network has {ours:,} parameters but PyTorch's {theirs:,}; bring "
            "benchmarks/plain_torch.py in line with piade_tf/model/network.py"
        )


def tell(number: int, rounds: int, seconds: dict[str, list[float]]) -> None:
    """Prints the milliseconds of a round."""
    took = ", ".join(f"{name} {1000 * spent[-1]:.3g}" for name, spent in seconds.items())
    print(f"  round {number} of {rounds}, ms: {took}", flush=True)


def row(comparison: Comparison, found: Found, candidate: str) -> dict[str, Any]:
    """What the CSV says of a candidate."""
    spent, speed = found.seconds[candidate], found.gflop_per_second(candidate)
    of_product = [one / two for one, two in zip(speed, found.gflop_per_second(PRODUCT), strict=True)]
    of_torch = found.ratios(candidate) if candidate != PRODUCT else []
    seconds = statistics.median(spent)
    return {
        **dict(zip(("what", "network", "image", "batch"), comparison.key, strict=True)),
        "candidate": candidate,
        "threads": found.threads.get(candidate, 1) or os.cpu_count(),
        "seconds": float(f"{seconds:.4g}"),
        "images_per_second": None if candidate == PRODUCT else float(f"{comparison.batch / seconds:.4g}"),
        "ratio_to_pytorch": round(statistics.median(of_torch), 3) if of_torch else None,
        "least_ratio": round(min(of_torch), 3) if of_torch else None,
        "most_ratio": round(max(of_torch), 3) if of_torch else None,
        "multiply_adds": PRODUCT_MULTIPLY_ADDS if candidate == PRODUCT else found.multiply_adds,
        "gflop_per_second": round(statistics.median(speed), 2),
        "share_of_product": round(statistics.median(of_product), 3),
        "parameters": None if candidate == PRODUCT else found.parameters,
        "rounds": len(spent),
    }
