"""Images per second of training on a CPU, beside the same network written plainly in PyTorch.

    python benchmarks/train_throughput.py                   every preset
    python benchmarks/train_throughput.py --presets paper   one of them

Expected result: a table of images per second of both, their ratio and their peak memory, and the same
as `benchmarks/results/train_throughput.csv`. Time: some minutes a preset, most of it starting processes.
Hardware: a CPU with nothing else to do; a GPU is left alone. Needs `pip install torch`, which is no
requirement of the project.

Ours is the trainer that `train.py` compiles, in `fit` on its own tf.data pipeline, with the op
determinism that `train.py` turns on. PyTorch is `benchmarks/plain_torch.py`: eager, float32, as many
threads as cores or one thread, whichever was faster in the warm-up, its batches drawn by index from one
tensor in memory (cheaper than a DataLoader). Both learn from the same random images and read the loss after
each step. Rounds alternate between the two, each in a process of its own; a figure is the median over the
rounds, a ratio the median over neighbouring rounds.

Not to be trusted on a busy machine: where another program takes a core, PyTorch's OpenMP threads spin while
they wait for each other, which can slow it down many times over, and ours loses its second core. The load
before the first round stands in the CSV.
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import importlib.util
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the repository's root

from benchmarks.speed_networks import POOL, SEED, WARM_UP_STEPS, positive, tens
from export.verification.peak_memory import peak_memory
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.errors import InputError
from piade_tf.files import write_csv
from piade_tf.model.presets import PRESETS, preset_config

# For the processes of the rounds, before they import TensorFlow or PyTorch.
os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="2")

LEARNING_RATE = 1e-3
THREAD_TRIAL_STEPS = 3  # of PyTorch, with one thread and with all
QUIET_LOAD = 0.5  # of the last minute
PACKAGES = ("tensorflow", "keras", "torch")


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is trained: a preset's network on `(height, width, channels)` images; `steps` are timed in a round."""

    preset: str
    image_shape: tuple[int, int, int]
    batch_size: int
    steps: int

    def __str__(self) -> str:
        return f"{self.preset} {'x'.join(map(str, self.image_shape))}, batch {self.batch_size}"


WORKLOADS = (
    Workload("compact", (28, 28, 1), batch_size=32, steps=100),
    Workload("compact", (128, 128, 3), batch_size=32, steps=20),
    Workload("paper", (120, 120, 3), batch_size=8, steps=10),
)


@dataclasses.dataclass(frozen=True)
class Round:
    """What one process measured: images per second, peak memory in MiB, number of trainable parameters.

    `threads` is the number that PyTorch computed with; TensorFlow chooses its own (0). `warm_up` is how many seconds
    ours took for the first steps, most of it to compile.
    """

    images_per_second: float
    peak_memory: float
    parameters: int
    threads: int = 0
    warm_up: float = 0.0

    @classmethod
    def of(cls, workload: Workload, seconds: float, parameters: int, threads: int = 0) -> "Round":
        """The round of this process, from the time that the steps took."""
        return cls(workload.steps * workload.batch_size / seconds, peak_memory() / (1 << 20), parameters, threads)


# === One round, in a process of its own ===


def keras_round(workload: Workload, **changed: Any) -> Round:
    """Trains with this project's trainer, and with options of the training that are `changed`."""
    import keras
    import tensorflow as tf

    from piade_tf.data import Split, arrays, batches
    from piade_tf.data.division import divide
    from piade_tf.data.preparation import Preparation
    from piade_tf.training.distribution import share_threads
    from piade_tf.training.schedule import Schedule
    from piade_tf.training.trainer import build_trainer, make_reproducible

    class Stopwatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])
            times[batch + 1] = time.perf_counter()

    times: dict[int, float] = {}  # at the end of an execution, by the steps done
    make_reproducible(SEED)
    share_threads(min(workload.image_shape[:2]))
    images = random_images(workload)
    labelled = arrays.LabelledImages(images, np.zeros(POOL, "int64"))
    source = arrays.one_class_source(labelled, labelled, ("random",), "random", "random images")
    data = divide(source, Preparation(images.shape[1:3], channels=images.shape[3]), SEED)
    data = dataclasses.replace(data, train=Split(tf.data.Dataset.from_tensor_slices(images).repeat(), POOL))
    config = preset_config(workload.preset)
    values = {"batch_size": workload.batch_size, "learning_rate": LEARNING_RATE, "rotation": 0.0, "seed": SEED}
    options = dataclasses.replace(config.training, **values | changed)
    network = dataclasses.replace(config.network, encoder="scratch")
    schedule = Schedule.of(options, POOL, "classes", pretrained=False)
    trainer = build_trainer(network, config.loss, options, schedule, data)
    start = time.perf_counter()
    trainer.fit(
        batches(data.train, workload.batch_size, shuffle_seed=SEED),
        steps_per_epoch=WARM_UP_STEPS + workload.steps,
        callbacks=[Stopwatch()],
        shuffle=False,
        verbose=0,
    )
    parameters = sum(math.prod(weight.shape) for weight in trainer.network.trainable_weights)
    warm = times[WARM_UP_STEPS]
    measured = Round.of(workload, times[WARM_UP_STEPS + workload.steps] - warm, parameters)
    return dataclasses.replace(measured, warm_up=warm - start)


def torch_round(workload: Workload) -> Round:
    """Trains the same network in PyTorch."""
    import torch

    from benchmarks.plain_torch import Piade, ReconstructionLoss, TrainingLoop

    torch.manual_seed(SEED)
    pool = torch.from_numpy(random_images(workload)).permute(0, 3, 1, 2).contiguous()
    config = preset_config(workload.preset)
    height, width, channels = workload.image_shape
    options = dataclasses.replace(config.network, encoder="scratch").for_image(height, width)
    network = Piade(options, height, width, channels)
    loss = ReconstructionLoss(config.loss, channels)
    training = TrainingLoop(network, loss, LEARNING_RATE, config.training.noise)

    def seconds(steps: int, threads: int) -> float:
        torch.set_num_threads(threads)
        start = time.perf_counter()
        for _ in range(steps):
            training.step(pool[torch.randint(POOL, (workload.batch_size,))].float() / 255)
        return time.perf_counter() - start

    choices = sorted({1, os.cpu_count() or 1})
    seconds(1, choices[-1])  # the first step of all is slower
    threads = min(choices, key=lambda number: seconds(THREAD_TRIAL_STEPS, number))
    parameters = sum(weight.numel() for weight in network.parameters())
    return Round.of(workload, seconds(workload.steps, threads), parameters, threads)


def random_images(workload: Workload) -> np.ndarray:
    """The pool, `(POOL, height, width, channels)`, uint8."""
    return np.random.default_rng(SEED).integers(0, 256, (POOL, *workload.image_shape), "uint8")


# === All rounds, in alternation ===


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The rounds of both on one workload, ours first, in alternation."""

    workload: Workload
    ours: list[Round]
    pytorch: list[Round]

    def ratio(self) -> float:
        """Images per second of ours over PyTorch's: the median over rounds that follow one another."""
        neighbours = [*zip(self.ours, self.pytorch, strict=True), *zip(self.ours[1:], self.pytorch, strict=False)]
        return statistics.median(ours.images_per_second / pytorch.images_per_second for ours, pytorch in neighbours)


def compare(workload: Workload, rounds: int) -> Comparison:
    """Runs the rounds.

    Raises:
        InputError: the two networks have not the same number of trainable parameters.
    """
    comparison = Comparison(workload, [], [])
    for number in range(1, rounds + 1):
        ours, pytorch = in_new_process(keras_round, workload), in_new_process(torch_round, workload)
        if ours.parameters != pytorch.parameters:
            raise InputError(
                f"{workload}: our network has {ours.parameters:,} trainable parameters but PyTorch's "
                f"{pytorch.parameters:,}; bring benchmarks/plain_torch.py in line with piade_tf/network.py"
            )
        comparison.ours.append(ours)
        comparison.pytorch.append(pytorch)
        print(
            f"{workload}, round {number} of {rounds}: ours {ours.images_per_second:.1f}, "
            f"PyTorch {pytorch.images_per_second:.1f} images per second (threads: {pytorch.threads})",
            flush=True,
        )
    return comparison


def in_new_process(measure: Callable[[Workload], Round], workload: Workload) -> Round:
    """Neither framework's threads or memory are there when the other one is measured."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, workload).result()


# === Results ===


def median_speed(rounds: list[Round]) -> float:
    """Images per second."""
    return statistics.median(each.images_per_second for each in rounds)


def largest_peak(rounds: list[Round]) -> float:
    """MiB, the largest of all rounds."""
    return max(each.peak_memory for each in rounds)


def show(comparisons: list[Comparison]) -> None:
    """Prints the table."""
    table = Table("workload", "parameters", "ours, images/s", "PyTorch, images/s", "ratio", "ours, MiB", "PyTorch, MiB")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in comparisons:
        table.add_row(
            str(each.workload),
            f"{each.ours[0].parameters:,}",
            f"{median_speed(each.ours):.1f}",
            f"{median_speed(each.pytorch):.1f}",
            f"{each.ratio():.2f}",
            f"{largest_peak(each.ours):.0f}",
            f"{largest_peak(each.pytorch):.0f}",
        )
    Console().print(table)


def write(path: Path, comparisons: list[Comparison], load: float) -> None:
    """Writes the table as CSV, with the conditions it was measured under."""
    conditions = {f"{name}_version": importlib.metadata.version(name) for name in PACKAGES}
    conditions |= {"cores": os.cpu_count(), "load_before": round(load, 2), "date": datetime.date.today().isoformat()}
    rows = [
        {
            "preset": each.workload.preset,
            "image_shape": "x".join(map(str, each.workload.image_shape)),
            "batch_size": each.workload.batch_size,
            "parameters": each.ours[0].parameters,
            "ours_images_per_second": round(median_speed(each.ours), 1),
            "torch_images_per_second": round(median_speed(each.pytorch), 1),
            "ratio": round(each.ratio(), 3),
            "ours_peak_memory_mib": round(largest_peak(each.ours)),
            "torch_peak_memory_mib": round(largest_peak(each.pytorch)),
            "torch_threads": "/".join(str(number) for number in sorted({one.threads for one in each.pytorch})),
            "rounds": len(each.ours),
            "steps": each.workload.steps,
        }
        | conditions
        for each in comparisons
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, list(rows[0]), [list(row.values()) for row in rows])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=list(PRESETS), help="networks to measure")
    parser.add_argument("--steps", type=tens, help="timed steps a round, in tens; left out: 10 to 100")
    parser.add_argument("--rounds", type=positive, default=5, help="rounds of each framework (5)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/train_throughput.csv"), help="CSV file")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if importlib.util.find_spec("torch") is None:
        raise InputError("this benchmark compares with PyTorch, which is not installed: pip install torch")
    load = os.getloadavg()[0]
    if load > QUIET_LOAD:
        print(f"The machine is busy (load {load:.1f}): the figures below are not to be trusted.", file=sys.stderr)
    comparisons = []
    for workload in WORKLOADS:
        if workload.preset in arguments.presets:
            workload = dataclasses.replace(workload, steps=arguments.steps or workload.steps)
            comparisons.append(compare(workload, arguments.rounds))
    show(comparisons)
    write(arguments.out, comparisons, load)
    print(f"Written: {arguments.out}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
