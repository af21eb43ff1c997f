"""Images per second of training with `--jit on`, in half precision and over accumulated batches, on the CPU.

    python benchmarks/training_options.py
    python benchmarks/training_options.py --sizes 128 --options "--jit on"   # beside the rows that are there

`compact` from scratch, in batches of 32, as `benchmarks/speed.py` trains it. Rounds alternate between the options, each
in a process of its own, and each is compared with the default of the same round, so that a busy machine slows all down
alike; a figure is the median of the rounds. The first 10 steps, most of which is compiling, stand in a column of their
own; `seconds_of_750_steps` puts both together, for the training that the default makes of few images. Writes
`benchmarks/results/training_options.csv`, in which rows of other sizes and options stay; half an hour.
"""

import argparse
import csv
import dataclasses
import multiprocessing
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the repository's root
os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="2")  # for the processes of the rounds

from benchmarks.speed_networks import NETWORKS, WARM_UP_STEPS, Network, positive, tens
from export.verification.peak_memory import peak_memory
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.files import write_csv

NETWORKS_BY_SIZE = {str(network.side): network for network in NETWORKS if network.name == "compact"}
DEFAULT = "default"
OPTIONS = {
    DEFAULT: {},
    "--jit on": {"jit": "on"},
    "--precision bfloat16": {"precision": "bfloat16"},
    "--precision float16": {"precision": "float16"},
    "--accumulate 2": {"accumulate": 2},
}
STEPS = 750  # of a training whose epochs are left out
HEADER = ("size", "options", "images_per_second", "of_default", "least_of_default", "most_of_default",
          "seconds_of_first_10_steps", "seconds_of_750_steps", "peak_memory_mib", "rounds", "steps", "processor",
          "cores", "load_before")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Round:
    """What one process measured; `warm_up` is seconds of the first steps, `peak_memory` in MiB."""

    images_per_second: float
    warm_up: float
    peak_memory: float


def measured(network: Network, names: list[str], rounds: int) -> dict[str, list[Round]]:
    """The rounds of each option, in alternation."""
    found: dict[str, list[Round]] = {name: [] for name in names}
    for number in range(1, rounds + 1):
        for name in names:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                one = pool.submit(training_round, network, OPTIONS[name]).result()
            found[name].append(one)
            speed, first = one.images_per_second, one.warm_up
            about = f"{network.name} {network.image}, round {number}, {name}"
            print(f"{about}: {speed:.1f} images/s after {first:.1f} seconds", flush=True)
    return found


def training_round(network: Network, changed: dict) -> Round:
    """Trains with options that are `changed`, in a process that has not imported TensorFlow yet."""
    from benchmarks.speed_ours import Ours

    ours = Ours(network, Path())
    ours.prepare_training(**changed)
    seconds = ours.train(network.steps)
    return Round(network.batch / seconds, ours.warm_up, peak_memory() / (1 << 20))


def figures(network: Network, rounds: list[Round], default: list[Round]) -> tuple[float, ...]:
    """Speed, its ratio to the default of the same round with the least and the largest, seconds of the first steps and
    of 750, MiB."""
    speeds = [one.images_per_second for one in rounds]
    ratios = [mine / other.images_per_second for mine, other in zip(speeds, default, strict=True)]
    rest = (STEPS - WARM_UP_STEPS) * network.batch
    whole = statistics.median(one.warm_up + rest / one.images_per_second for one in rounds)
    return (
        round(statistics.median(speeds), 1),
        *(round(which(ratios), 2) for which in (statistics.median, min, max)),
        round(statistics.median(one.warm_up for one in rounds), 1),
        round(whole),
        round(max(one.peak_memory for one in rounds)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=NETWORKS_BY_SIZE, default=list(NETWORKS_BY_SIZE), help="pixels")
    parser.add_argument(
        "--options", nargs="+", metavar="OPTION", choices=OPTIONS, default=list(OPTIONS), help="beside the default"
    )
    parser.add_argument("--rounds", type=positive, default=3, help="of each option (3)")
    parser.add_argument("--steps", type=tens, help="timed steps a round, in tens; left out: 100 or 20")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/training_options.csv"), help="CSV file")
    arguments = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    rows = {}
    if arguments.out.exists():
        with open(arguments.out, newline="", encoding="utf-8") as file:
            rows = {(row["size"], row["options"]): tuple(row.values()) for row in csv.DictReader(file)}
    for size in arguments.sizes:
        network = NETWORKS_BY_SIZE[size]
        network = network._replace(steps=arguments.steps or network.steps)
        found = measured(network, list(dict.fromkeys([DEFAULT, *arguments.options])), arguments.rounds)
        from export.publish.manifest import processor  # takes TensorFlow with it, which the rounds need not wait for

        for name, rounds in found.items():
            numbers = figures(network, rounds, found[DEFAULT])
            where = (processor(), os.cpu_count(), load)
            rows[size, name] = (size, name, *numbers, len(rounds), network.steps, *where)
        write_csv(arguments.out, HEADER, rows.values())
    print(f"Written: {arguments.out}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
