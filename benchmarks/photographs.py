"""Photographs of parts: `piade train` on six data sets, one CSV row for each set and seed.

    python benchmarks/photographs.py --data-dir DIR
    python benchmarks/photographs.py --data-dir DIR --seeds 0 -- --encoder scratch --image-size 128

DIR holds mvtec_ad/{bottle,transistor,toothbrush}, magnetic_tile, kolektorsdd and cookies in MVTec's layout. Can be
interrupted and started again: rows that the CSV has are not run again, nor are trainings that are done. Options behind
`--` go to piade train as they are; each choice of them needs a `--runs-dir` of its own. `combined`, `bank` and `local`
do not look at the decoder, so that `-- --epochs 1` gives the same image AUROC in less time. Prints the mean and the
standard deviation over seeds at the end. One to eight minutes for each run on 2 cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rows_so_far import rows_so_far
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.errors import InputError
from piade_tf.files import write_csv

DATA = {
    "bottle": ("mvtec_ad/bottle", ()),
    "transistor": ("mvtec_ad/transistor", ()),
    "toothbrush": ("mvtec_ad/toothbrush", ()),
    "cookies": ("cookies", ()),
    "kolektorsdd": ("kolektorsdd", ("--image-size", "640", "256")),
    "magnetic_tile": ("magnetic_tile", ()),
}
METRICS = ("image_AUROC", "image_AUPR", "pixel_AUROC", "pixel_AUPR", "pixel_AUPRO")
SCORES = ("bank", "local", "embedding", "latent", "reconstruction")
COUNTS = ("n_normal", "n_anomalous", "epochs", "train_seconds")
HEADER = (
    *("data", "seed", "options", *METRICS, *(f"image_AUROC_{score}" for score in SCORES)),
    *("image_AUROC_low", "image_AUROC_high", "FP", "TP", "promised_fpr", *COUNTS, "wall_seconds"),
    *("cores", "processor", "git_commit"),
)
RESULTS = ROOT / "benchmarks" / "results" / "photographs.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", nargs="+", default=list("01234"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs", "photographs"))
    parser.add_argument("options", nargs="*", help="options of piade train, behind --")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    only_with(args.runs_dir, args.options)
    rows = rows_so_far(args.out)
    for seed in args.seeds:
        for data in args.data:
            key = [data, seed, " ".join(args.options)]
            if key in [row[:3] for row in rows]:
                print(f"{data}, seed {seed}: in {args.out} already")
                continue
            rows.append([*key, *row_of(*train(args.runs_dir, args.data_dir, data, seed, args.options))])
            write_csv(args.out, HEADER, rows)
    summarise(rows)


def train(runs: Path, root: Path, data: str, seed: str, options: Sequence[str]) -> tuple[Path, float | None]:
    """Trains in a process of its own, unless that is done.

    Returns:
        The run, and the seconds that it took; None where it was there.
    """
    run = runs.resolve() / f"{data}-seed{seed}"
    if (run / "report.html").exists():
        return run, None
    folder, sizes = DATA[data]
    where = ["--dataset", "folder", "--data-dir", str(root / folder), *sizes]
    command = [sys.executable, str(ROOT / "train.py"), *where, "--seed", seed, "--export"]
    start = time.monotonic()
    subprocess.run([*command, "--runs-dir", str(run.parent), "--name", run.name, *options], check=True)
    return run, time.monotonic() - start


def only_with(runs: Path, options: Sequence[str]) -> None:
    """Keeps runs of other options out of a folder, whose names do not tell them apart.

    Raises:
        InputError: the folder has runs of other options, or of unknown ones.
    """
    note, asked = runs / "options.txt", " ".join(options)
    runs.mkdir(parents=True, exist_ok=True)
    if not note.exists() and not any(runs.glob("*-seed*")):
        note.write_text(asked, encoding="utf-8")
    found = note.read_text(encoding="utf-8") if note.exists() else None
    if found != asked:
        known = "unknown options" if found is None else f"the options {found!r}"
        raise InputError(f"{runs} has runs with {known}, asked for are {asked!r}: name another folder with --runs-dir")


def row_of(path: Path, wall: float | None) -> list:
    """The figures of a run, from its directory."""
    from export.publish.manifest import processor  # takes TensorFlow with it

    metrics, threshold, config = (
        json.loads((path / f"{file}.json").read_text(encoding="utf-8")) for file in ("metrics", "threshold", "config")
    )
    by_score = metrics["image_AUROC_by_score"]
    values = [metrics[key] for key in METRICS] + [by_score.get(score) for score in SCORES]
    rounded = [None if value is None else round(value, 6) for value in values]
    interval = [round(end, 6) for end in metrics["intervals"]["image_AUROC"]]
    verdicts = [metrics["at_threshold"]["FP"], metrics["at_threshold"]["TP"], round(threshold["promised_fpr"], 6)]
    counts = [*(metrics[key] for key in COUNTS), None if wall is None else round(wall, 1)]
    return [*rounded, *interval, *verdicts, *counts, os.cpu_count(), processor(), config["git_commit"]]


def summarise(rows: list[list]) -> None:
    """Prints a row for each data set and choice of options: mean and standard deviation over seeds."""
    groups: dict[tuple[str, str], list[list]] = {}
    for row in rows:
        groups.setdefault((row[0], row[2]), []).append(row)
    print("| data | options | seeds | image AUROC | pixel AUROC | pixel AUPRO | found at the threshold |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (data, options), found in groups.items():
        cells = [_mean(found, name) for name in ("image_AUROC", "pixel_AUROC", "pixel_AUPRO", "TP")]
        print(f"| {data} | {options} | {len(found)} | {' | '.join(cells)} |")


def _mean(rows: list[list], name: str) -> str:
    values = [float(row[HEADER.index(name)]) for row in rows if row[HEADER.index(name)] not in ("", None)]
    if not values:
        return "-"
    return f"{statistics.mean(values):.4f} +- {statistics.stdev(values) if len(values) > 1 else 0:.4f}"


if __name__ == "__main__":
    with errors_in_one_line():
        main()
