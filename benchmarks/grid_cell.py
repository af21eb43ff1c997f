"""One cell of the grid: which training it is, and its row once it is done."""

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.ablations import ABLATIONS
from benchmarks.photographs import DATA as PHOTOGRAPHS
from piade_tf.unfinished import is_unfinished

ROOT = Path(__file__).resolve().parent.parent
TRAIN = (sys.executable, str(ROOT / "train.py"))
SCRATCH, PRETRAINED = "scratch", "efficientnet_lite0"
SCORES = ("combined", "reconstruction", "latent", "embedding", "local", "bank", "pooled")
METRICS = ("image_AUROC", "image_AUPR", "image_F1Max")
PIXELS = ("pixel_AUROC", "pixel_AUPR", "pixel_AUPRO")
KEY = ("dataset", "normal_class", "preset", "encoder", "ablation", "seed")
HEADER = (
    *(*KEY, *METRICS, "image_AUROC_low", "image_AUROC_high", *PIXELS),
    *(f"{metric}_{score}" for score in SCORES for metric in METRICS),
    *("TP", "FP", "promised_fpr", "n_normal", "n_anomalous", "epochs", "train_seconds", "wall_seconds"),
    *("parameters", "versions", "git_commit", "cores", "processor"),
)
Row = dict[str, Any]


class DataSet(NamedTuple):
    """Where a data set is, and what it is trained with.

    Attributes:
        folder: below the one that is given; empty: that one; None: the images are embedded.
        classes: each may be the normal one.
        encoder: the default one.
        sizes: words for the image size by encoder, where it is not the data set's own.
    """

    folder: str | None
    classes: tuple[str, ...]
    encoder: str
    sizes: dict[str, tuple[str, ...]]


DIGITS = tuple("0123456789")
SMALL = {PRETRAINED: ("--image-size", "96")}
COIL = tuple(f"obj{number}" for number in (1, 2, 4, 5, 7, 10, 14, 19, 28, 31, 33, 35, 37, 46, 47, 48, 49))  # at hand
SETS = {
    "digits": DataSet(None, DIGITS, SCRATCH, SMALL),
    "mnist": DataSet("", DIGITS, SCRATCH, SMALL),
    "fashion_mnist": DataSet("", DIGITS, SCRATCH, SMALL),
    "cifar10": DataSet("", DIGITS, PRETRAINED, {SCRATCH: ("--image-size", "32")}),
    "coil100": DataSet("", COIL, PRETRAINED, {SCRATCH: ("--image-size", "32")}),
    **{
        name: DataSet(folder, ("good",), PRETRAINED, {SCRATCH: ("--image-size", "128"), PRETRAINED: sizes})
        for name, (folder, sizes) in PHOTOGRAPHS.items()
    },
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """A training, by the columns that tell it from others; `normal_class` by its number, `good` for photographs."""

    dataset: str
    normal_class: str
    preset: str
    encoder: str
    ablation: str
    seed: str

    @property
    def key(self) -> tuple[str, ...]:
        """The first columns of its row."""
        return dataclasses.astuple(self)

    @property
    def name(self) -> str:
        """Of its run directory."""
        return "-".join(self.key)

    def words(self, data_dir: Path | None) -> list[str]:
        """The command line, without the program."""
        data = SETS[self.dataset]
        found = ["--preset", self.preset, "--encoder", self.encoder, "--seed", self.seed]
        if self.dataset in PHOTOGRAPHS:
            found += ["--dataset", "folder"]
        else:
            found += ["--dataset", self.dataset, "--normal-class", self.normal_class]
        if data.folder is not None and data_dir is not None:
            found += ["--data-dir", str(data_dir / data.folder)]
        if self.preset == "compact":
            found += data.sizes.get(self.encoder, ())
        return [*found, *ABLATIONS[self.ablation].words, "--no-tensorboard", "--formats"]


class Busy(Exception):
    """Another process is at the cell."""


class Failed(Exception):
    """The training ended with an error."""


def measured(cell: Cell, runs_dir: Path, data_dir: Path | None, train: Sequence[str] = TRAIN) -> Row:
    """Trains in a process of its own, unless that is done; a run that was broken off is gone on with.

    Args:
        cell: what to train.
        runs_dir: where the run is made, under the cell's name.
        data_dir: that holds the data set's folder; None: see `piade train`.
        train: the program.

    Returns:
        The row, a value for each of `HEADER`; `wall_seconds` is None where the run was there or was gone on with.

    Raises:
        Busy: another process trains it, or a training whose grid was killed goes on.
        Failed: it ended with an error.
    """
    runs_dir.mkdir(parents=True, exist_ok=True)
    run, wall = runs_dir.resolve() / cell.name, None
    with _alone(runs_dir / f".{cell.name}.lock") as lock:
        if is_unfinished(run) or not (run / "report.html").exists():
            begun = run.exists()
            command = [*train, *cell.words(data_dir), "--runs-dir", str(run.parent), "--name", run.name]
            start = time.monotonic()
            # With the lock in its hands, so that it is held for as long as the training lives.
            code = subprocess.run(command, pass_fds=[lock]).returncode
            if code:
                raise Failed(f"exit code {code} of {' '.join(command)}")
            wall = None if begun else round(time.monotonic() - start, 1)
        return row_of(cell, run, wall)


def row_of(cell: Cell, path: Path, wall_seconds: float | None) -> Row:
    """The figures of a run, from its directory."""
    from export.publish.manifest import processor  # these take TensorFlow with them
    from piade_tf.evaluation.metrics import image_metrics
    from piade_tf.evaluation.scored_split import Scored
    from piade_tf.run_directory import RunDirectory

    run = RunDirectory(path)
    metrics, config = run.read_metrics(), run.read_config()
    threshold = json.loads((path / "threshold.json").read_text(encoding="utf-8"))
    split, scored = run.read_scores()
    of_scores = {
        f"{metric}_{name}": value
        for name, scores in scored.by_name.items()
        for metric, value in image_metrics(split.labels, Scored(scores, {})).items()
        if metric in METRICS
    }
    low, high = metrics["intervals"]["image_AUROC"]
    found = {
        **dict(zip(KEY, cell.key, strict=True)),
        **{name: metrics[name] for name in (*METRICS, *PIXELS, "n_normal", "n_anomalous", "epochs", "train_seconds")},
        **of_scores,
        **{"image_AUROC_low": low, "image_AUROC_high": high, "promised_fpr": threshold["promised_fpr"]},
        **{name: metrics["at_threshold"][name] for name in ("TP", "FP")},
        "wall_seconds": wall_seconds,
        "parameters": run.read_network().count_params(),
        "versions": " ".join(f"{name}={version}" for name, version in config["versions"].items()),
        **{"git_commit": config["git_commit"], "cores": len(os.sched_getaffinity(0)), "processor": processor()},
    }
    return {name: _rounded(found.get(name)) for name in HEADER}


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Holds a lock, which the operating system gives back however its holders end; gives its descriptor."""
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        yield file.fileno()
