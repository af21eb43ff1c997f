"""The networks that benchmarks/speed.py measures, and how its processes talk; of the standard library alone.

A worker reads a line of JSON, a request, from standard input, and answers with one on standard output. What libraries
print goes to standard error.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SEED, POOL, WARM_UP_STEPS = 0, 256, 10  # POOL: different images that batches are drawn from
LEARNING_RATE = 1e-3
WITHOUT_ONEDNN = "_without_onednn"  # ending of a candidate's name
CALL_SECONDS, FEWEST, MOST = 0.3, 3, 200  # of one candidate in one round


class Network(NamedTuple):
    """A network on images of `(side, side, channels)`; `steps`, in tens, are timed in a round of training."""

    name: str
    preset: str
    encoder: str
    side: int
    channels: int
    batch: int
    steps: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.side, self.side, self.channels

    @property
    def image(self) -> str:
        return f"{self.side}x{self.side}x{self.channels}"


NETWORKS = (
    Network("compact", "compact", "scratch", 28, 1, batch=32, steps=100),
    Network("compact", "compact", "scratch", 128, 3, batch=32, steps=20),
    Network("pretrained", "compact", "efficientnet_lite0", 128, 3, batch=32, steps=100),
    Network("paper", "paper", "scratch", 120, 3, batch=8, steps=10),
)


def median_seconds(call: Callable[[], Any]) -> float:
    """Of one call, warm."""
    call()
    start = time.perf_counter()
    call()
    count = max(FEWEST, min(MOST, int(CALL_SECONDS / (time.perf_counter() - start))))
    spent = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


class Worker:
    """A process that measures.

    Args:
        python: that runs it.
        script: under benchmarks/.
        words: its arguments.
        environment: besides this process's.
    """

    def __init__(self, python: str, script: str, words: tuple[str, ...], environment: Mapping[str, str]):
        self.script = script
        self.process = subprocess.Popen(
            [python, str(ROOT / "benchmarks" / script), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        )

    def ask(self, what: str, **given: Any) -> Any:
        """What it answers to a request.

        Raises:
            RuntimeError: it has ended; why stands above, on standard error.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"what": what, **given}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.script} ended when it was asked for {what}")
        return json.loads(line)

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def serve(answers: Mapping[str, Callable[..., Any]]) -> None:
    """Answers requests until there are no more."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answers[request.pop("what")](**request)), file=out, flush=True)


def positive(text: str) -> int:
    """An option that must be at least 1."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def tens(text: str) -> int:
    """A number of steps, of which as many as the trainer takes at a time make one execution."""
    if (number := positive(text)) % WARM_UP_STEPS:
        raise argparse.ArgumentTypeError(f"must be a multiple of {WARM_UP_STEPS}, got {number}")
    return number
