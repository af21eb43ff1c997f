"""The one-class protocol over all classes of a data set: `train.py` on each class, one CSV row each.

    python benchmarks/one_class.py --dataset fashion_mnist --data-dir DIR
    python benchmarks/one_class.py --dataset mnist --data-dir DIR
    python benchmarks/one_class.py --dataset digits
    python benchmarks/one_class.py --dataset cifar10 --data-dir DIR -- --no-tensorboard --epochs 1 --export

Can be interrupted and started again: classes that the CSV has are not run again. Options behind `--`
go to train.py as they are. About two minutes of training a class on 2 cores for MNIST and Fashion-MNIST.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from piade_tf.files import write_csv

SCORES = ("combined", "reconstruction", "latent", "embedding", "local", "pooled")
HEADER = (
    *("dataset", "normal_class", "seed", "options", "image_AUROC", "image_AUPR", "image_F1Max"),
    *(f"image_AUROC_{score}" for score in SCORES),
    *("n_normal", "n_anomalous", "epochs", "train_seconds", "cores", "git_commit"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-dir")
    parser.add_argument("--classes", nargs="+", default=[str(i) for i in range(10)])
    parser.add_argument("--seed", default="0")
    parser.add_argument("--out", type=Path, help="the CSV; left out: benchmarks/results/one_class_DATASET_seedSEED.csv")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("options", nargs="*", help="options of train.py, behind --")
    args = parser.parse_args()
    out = args.out or ROOT / "benchmarks" / "results" / f"one_class_{args.dataset}_seed{args.seed}.csv"
    out.parent.mkdir(parents=True, exist_ok=True)

    rows = read_rows(out)
    for normal_class in args.classes:
        key = (args.dataset, normal_class, args.seed, " ".join(args.options))
        if any(tuple(row[:4]) == key for row in rows):
            print(f"class {normal_class}: in {out} already")
            continue
        rows.append([*key, *run_class(args, normal_class)])
        write_csv(out, HEADER, rows)
    for name in (name for name in HEADER if "AUROC" in name):
        values = [float(row[HEADER.index(name)]) for row in rows if row[HEADER.index(name)]]
        if values:
            print(f"{name}: mean over {len(values)} classes {sum(values) / len(values):.4f}")


def read_rows(path: Path) -> list[list]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [[row.get(name, "") for name in HEADER] for row in csv.DictReader(file)]


def run_class(args: argparse.Namespace, normal_class: str) -> list:
    """Trains in a process of its own and reads the figures from the run directory."""
    name = f"{args.dataset}-{normal_class}-seed{args.seed}-{os.getpid()}"
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        "--export",
        "--dataset",
        args.dataset,
        "--normal-class",
        normal_class,
    ]
    command += ["--seed", args.seed, "--runs-dir", args.runs_dir, "--name", name, *args.options]
    if args.data_dir:
        command += ["--data-dir", args.data_dir]
    subprocess.run(command, check=True)
    run = Path(args.runs_dir, name)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    by_score = metrics["image_AUROC_by_score"]
    print(f"class {normal_class}: image_AUROC {metrics['image_AUROC']:.4f}, {metrics['train_seconds']} s", flush=True)
    return [
        *(round(metrics[key], 6) for key in ("image_AUROC", "image_AUPR", "image_F1Max")),
        *(round(by_score[score], 6) if score in by_score else "" for score in SCORES),
        *(metrics[key] for key in ("n_normal", "n_anomalous", "epochs", "train_seconds")),
        os.cpu_count(),
        config["git_commit"],
    ]


if __name__ == "__main__":
    main()
