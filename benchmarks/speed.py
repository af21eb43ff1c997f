"""How fast training and inference are beside PyTorch, ONNX Runtime and what the machine can multiply, in one run.

    python benchmarks/speed.py --torch VENV/bin/python
    python benchmarks/speed.py --torch VENV/bin/python --what training --networks compact-28 --rounds 1

VENV has PyTorch and ONNX Runtime: `python3 -m venv VENV && VENV/bin/pip install torch numpy onnx onnxruntime
onnxscript`. Takes about 20 minutes on two cores with nothing else to do; a GPU is left alone.

`training`: a step of ours, in `fit` with its tf.data pipeline and op determinism, as `piade train` runs it, and of
`plain_torch.py`, eager, float32, on one thread or on all, whichever is faster. Both learn from the same random images
and read the loss. `pretrained` is the decoder behind EfficientNet-Lite0, whose features are computed once.

`inference`: the network alone (`network-...`) at batch 1 and 64, on one thread; at batch 1 also the files as they ship,
with their score (`scored-...`). Keras is called eagerly and in a `tf.function`. SavedModels also run in a process with
`TF_ENABLE_ONEDNN_OPTS=0`. `paper` is trained alone.

Frameworks have processes of their own, which take turns, round by round. Each round begins with the product of two
large matrices in TensorFlow, on as many threads: what the machine can do. A figure is the median of the rounds, a ratio
the median of the ratios within a round. Where another program takes a core, PyTorch's threads wait for each other many
times over: figures of a busy machine are not to be trusted, and the load before stands beside them.

`cost`: seconds of statistics and of scores by the size and by the number of images (`speed_cost.py`).

Writes `speed.csv` and `speed_cost.csv`, a comparison at a time. What stands there is not measured again, so that it can
be killed and started again; delete them to start anew. `python benchmarks/speed_figure.py` draws the cost.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.speed_cost import COST_IMAGES, COST_SIDES, cost
from benchmarks.speed_networks import NETWORKS, Network, positive, tens
from benchmarks.speed_rounds import Comparison, inference, row, training
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.errors import InputError
from piade_tf.files import write_csv
from piade_tf.run_directory import git_commit

PARTS, BATCHES = ("training", "inference", "cost"), (1, 64)
QUIET_LOAD = 0.5  # of the last minute
MODULES, INSTALL = "torch, numpy, onnx, onnxruntime, onnxscript", "pip install torch numpy onnx onnxruntime onnxscript"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [name_of(network) for network in NETWORKS]
    parser.add_argument("--torch", metavar="PYTHON", help=f"a Python with {MODULES}; not needed for cost")
    parser.add_argument("--what", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--networks", nargs="+", choices=names, default=names)
    parser.add_argument("--batches", nargs="+", type=positive, default=BATCHES, help="of inference (1 64)")
    parser.add_argument("--rounds", type=positive, default=5, help="through all candidates (5)")
    parser.add_argument("--steps", type=tens, help="of training in a round, in tens; left out: 10 to 100")
    parser.add_argument("--sides", nargs="*", type=positive, default=COST_SIDES, help="pixels, for the cost")
    parser.add_argument(
        "--images", nargs="*", type=positive, default=COST_IMAGES, help="how many, in whole batches of 64, for the cost"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the CSVs")
    args = parser.parse_args()
    if set(args.what) != {"cost"}:
        check_python(args.torch)
    args.out.mkdir(parents=True, exist_ok=True)
    networks = [network for network in NETWORKS if name_of(network) in args.networks]
    for comparison in comparisons(args.what, networks, args.batches):
        measure(comparison, args.out / "speed.csv", args.torch, args.rounds, args.steps)
    if "cost" in args.what:
        cost(args.out / "speed_cost.csv", args.sides, args.images)


def name_of(network: Network) -> str:
    return f"{network.name}-{network.side}"


def check_python(python: str | None) -> None:
    """Raises `InputError` unless a Python has what PyTorch's process needs."""
    if python is None:
        raise InputError(f"--torch must be a Python with {MODULES}: python3 -m venv VENV && VENV/bin/{INSTALL}")
    try:
        done = subprocess.run([python, "-c", f"import {MODULES}"], capture_output=True, text=True)
    except OSError as error:
        raise InputError(f"--torch must be a Python with {MODULES}, {python} is none: {error.strerror}") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise InputError(f"--torch must be a Python with {MODULES}, got {python}: {reason}; {INSTALL} there")


def comparisons(what: list[str], networks: list[Network], batches: list[int]) -> list[Comparison]:
    """In the order in which they are made."""
    found = []
    if "training" in what:
        found += [Comparison("training", network, network.batch) for network in networks]
    if "inference" in what:
        exported = [network for network in networks if network.preset != "paper"]
        found += [Comparison("inference", network, batch) for network in exported for batch in batches]
    return found


def measure(comparison: Comparison, path: Path, python: str, rounds: int, steps: int | None) -> None:
    """Adds the rows of a comparison to the CSV, unless it has them."""
    rows: list[dict[str, Any]] = []
    if path.exists():
        with open(path, newline="", encoding="utf-8") as file:
            rows.extend(csv.DictReader(file))
    title, load = " ".join(comparison.key), round(os.getloadavg()[0], 2)
    if any(tuple(row.values())[:4] == comparison.key for row in rows):
        print(f"{title}: stands in {path}", flush=True)
        return
    print(f"{title}: load {load}{', not to be trusted' if load > QUIET_LOAD else ''}", flush=True)
    if comparison.what == "training":
        found = training(comparison, python, rounds, steps or comparison.network.steps)
    else:
        found = inference(comparison, python, rounds)
    from export.publish.manifest import processor  # takes TensorFlow with it, which the rounds need not wait for

    versions = " ".join(f"{name}={version}" for name, version in found.versions.items())
    machine = {"load_before": load, "cores": os.cpu_count(), "processor": processor()}
    about = machine | {"versions": versions, "git_commit": git_commit()}
    rows += [row(comparison, found, candidate) | about for candidate in found.seconds]
    write_csv(path, list(rows[-1]), [list(each.values()) for each in rows])


if __name__ == "__main__":
    with errors_in_one_line():
        main()
