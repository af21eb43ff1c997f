"""Photographs of parts: `train.py` with its defaults on MVTec AD and magnetic tiles, one CSV row each.

    python benchmarks/parts.py --data-dir DIR

DIR holds mvtec_ad/bottle, mvtec_ad/transistor and magnetic_tile in MVTec's layout. Can be interrupted and
started again: rows that the CSV has are not run again. Options behind `--` go to train.py as they are. About five
minutes each on 2 cores.
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

DATA = {
    "bottle": ("--dataset", "mvtec", "--data-dir", "mvtec_ad", "--category", "bottle"),
    "transistor": ("--dataset", "mvtec", "--data-dir", "mvtec_ad", "--category", "transistor"),
    "magnetic_tile": ("--dataset", "folder", "--data-dir", "magnetic_tile"),
}
METRICS = ("image_AUROC", "image_AUPR", "pixel_AUROC", "pixel_AUPRO")
COUNTS = ("n_normal", "n_anomalous", "epochs", "train_seconds")
HEADER = ("data", "seed", "options", *METRICS, "image_AUROC_low", "image_AUROC_high", "FP", "TP", "promised_fpr",
          *COUNTS, "cores", "git_commit")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seed", default="0")
    parser.add_argument("--out", type=Path, help="the CSV; left out: benchmarks/results/parts_seedSEED.csv")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("options", nargs="*", help="options of train.py, behind --")
    args = parser.parse_args()
    out = args.out or ROOT / "benchmarks" / "results" / f"parts_seed{args.seed}.csv"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    if out.exists():
        with open(out, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
    for data in args.data:
        key = [data, args.seed, " ".join(args.options)]
        if key in [row[:3] for row in rows]:
            print(f"{data}: in {out} already")
            continue
        rows.append([*key, *run(args, data)])
        write_csv(out, HEADER, rows)


def run(args: argparse.Namespace, data: str) -> list:
    """Trains in a process of its own and reads the figures from the run directory."""
    name = f"{data}-seed{args.seed}-{os.getpid()}"
    where = [str(args.data_dir / word) if word in ("mvtec_ad", "magnetic_tile") else word for word in DATA[data]]
    command = [sys.executable, str(ROOT / "train.py"), "--export", *where, "--seed", args.seed]
    subprocess.run([*command, "--runs-dir", args.runs_dir, "--name", name, *args.options], check=True)
    path = Path(args.runs_dir, name)
    metrics, threshold, config = (
        json.loads((path / f"{file}.json").read_text(encoding="utf-8")) for file in ("metrics", "threshold", "config")
    )
    values = [None if metrics[key] is None else round(metrics[key], 6) for key in METRICS]
    interval = [round(end, 6) for end in metrics["intervals"]["image_AUROC"]]
    verdicts = [metrics["at_threshold"]["FP"], metrics["at_threshold"]["TP"], round(threshold["promised_fpr"], 6)]
    counts = [metrics[key] for key in COUNTS]
    return [*values, *interval, *verdicts, *counts, os.cpu_count(), config["git_commit"]]


if __name__ == "__main__":
    main()
