"""Where the time of a training step goes, by kind of operation, from TensorFlow's own trace.

    python benchmarks/training_profile.py
    python benchmarks/training_profile.py --network compact-28 --steps 20

Traces steps of `compact` from scratch at 128x128 in batches of 32 on the CPU, trained as benchmarks/speed.py trains it,
and adds up how long each kind of operation ran on any thread: in the network and the loss, in their gradients, or
elsewhere, which is the optimizer and the batches. An operation that shares its work out is counted where it was begun.
Shares are of the time of all operations together. Takes a minute or two. Writes
`benchmarks/results/training_profile.csv`.
"""

import argparse
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

from benchmarks.speed_networks import NETWORKS, WARM_UP_STEPS, tens
from benchmarks.speed_ours import Ours
from export.publish.manifest import processor
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.files import write_csv
from piade_tf.run_directory import git_commit

HEADER = ("network", "image", "batch", "part", "operation", "calls_of_a_step", "ms_of_a_step", "share", "steps",
          "load_before", "cores", "processor", "git_commit")  # fmt: skip
TRACED = re.compile(r"([^\s:#]+):([A-Za-z_]\w*)$")  # how TensorFlow names what it traced: operation, colon, kind
HOST = "/host:CPU"
SHOWN = 25
NOT_COMPUTING = re.compile(r"While|If|PartitionedCall|Iterator|Dataset")  # they contain others, or wait


def main() -> None:
    networks = {f"{network.name}-{network.side}": network for network in NETWORKS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=networks, default="compact-128")
    parser.add_argument("--steps", type=tens, default=20, help="traced steps, in tens (20)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "training_profile.csv")
    args = parser.parse_args()
    network, load = networks[args.network], round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(network, Path(folder))
        ours.prepare_training()
        ours.train(args.steps)  # traces the graph
        tf.profiler.experimental.start(folder)
        ours.train(args.steps)
        tf.profiler.experimental.stop()
        steps = WARM_UP_STEPS + args.steps
        spent: dict[tuple[str, str], list[float]] = defaultdict(list)
        for name, kind, seconds in events(Path(folder)):
            if not NOT_COMPUTING.search(kind):
                spent[part_of(name), kind].append(seconds)
    whole = sum(map(sum, spent.values()))
    about = (steps, load, os.cpu_count(), processor(), git_commit())
    rows = []
    for (part, kind), times in sorted(spent.items(), key=lambda item: -sum(item[1])):
        figures = round(len(times) / steps, 2), round(1000 * sum(times) / steps, 3), round(sum(times) / whole, 4)
        rows.append((network.name, network.image, network.batch, part, kind, *figures, *about))
    for row in rows[:SHOWN]:
        print(f"{row[7]:6.1%} {row[6]:9.2f} ms {row[5]:7.1f} calls  {row[3]:<9} {row[4]}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(args.out, HEADER, rows)
    print(f"Written: {args.out}")


def events(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Name, kind and seconds of each operation in the trace that was written there."""
    for path in folder.rglob("*.xplane.pb"):
        for plane in XSpace.FromString(path.read_bytes()).planes:
            if plane.name != HOST:
                continue
            names = {number: TRACED.fullmatch(metadata.name) for number, metadata in plane.event_metadata.items()}
            for line in plane.lines:
                for event in line.events:
                    if found := names[event.metadata_id]:
                        yield found[1], found[2], 1e-12 * event.duration_ps


def part_of(name: str) -> str:
    """Of the step: `gradients`, `forward` (network and loss) or `other`."""
    if "gradient_tape" in name or "gradients" in name:
        return "gradients"
    return "other" if re.search(r"[Aa]dam|optimizer|[Ii]terator", name) else "forward"


if __name__ == "__main__":
    with errors_in_one_line():
        main()
