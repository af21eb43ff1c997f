"""A grid of trainings, a CSV row each: classes of a data set by seeds by ablations.

    python -m benchmarks.grid --dataset fashion_mnist --classes all --seeds 0 1 2 --data-dir DIR
    python -m benchmarks.grid --dataset fashion_mnist --classes all --encoder efficientnet_lite0 --data-dir DIR
    python -m benchmarks.grid --dataset fashion_mnist --classes 0 3 6 --seeds 0 1 2 --ablation all --data-dir DIR
    python -m benchmarks.grid --dataset bottle --encoder scratch --seeds 0 1 2 --ablation all --data-dir DIR

DIR holds TensorFlow Datasets, for photographs what benchmarks/photographs.py says. Can be stopped, killed and started
again, also on several machines with a CSV each: a cell that the CSV has is not run again, nor is a run that is done;
one that was broken off is gone on with. Two grids on one machine, a core each (`taskset -c 0`, `taskset -c 1`), share
the cells out; the column `cores` says how many a cell had. A cell that fails is told, and the others go on. Every class
of a data set has the same settings, those of the preset. Two minutes a cell of Fashion-MNIST on 2 cores.
"""

import argparse
import csv
import fcntl
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.ablations import ABLATIONS, BASE, OF_PAPER
from benchmarks.grid_cell import HEADER, KEY, PRETRAINED, ROOT, SCRATCH, SETS, Busy, Cell, Failed, Row, measured
from piade_tf.files import write_csv


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns 0, or 1 where cells failed."""
    args = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # takes the training with it
    failed = run_grid(cells_of(args), args.out, lambda cell: measured(cell, args.runs_dir, args.data_dir))
    print(summary(read_rows(args.out)), end="")
    return int(bool(failed))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, choices=SETS)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--classes", nargs="+", default=["all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--ablation", nargs="+", choices=[*ABLATIONS, "all"], default=[BASE])
    parser.add_argument("--preset", choices=["compact", "paper"], default="compact")
    parser.add_argument("--encoder", choices=[SCRATCH, PRETRAINED], help="left out: the data set's default")
    parser.add_argument("--out", type=Path, help="the CSV; left out: benchmarks/results/grid_DATASET.csv")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs", "grid"))
    args = parser.parse_args(arguments)
    data = SETS[args.dataset]
    if unknown := [name for name in args.classes if name not in (*data.classes, "all")]:
        parser.error(f"--classes: {args.dataset} has {' '.join(data.classes)}, got {unknown[0]}; or say all")
    args.encoder = args.encoder or (SCRATCH if args.preset == "paper" else data.encoder)
    if args.preset == "paper" and args.encoder != SCRATCH:
        parser.error("--preset paper is trained from scratch; leave --encoder out")
    args.out = args.out or ROOT / "benchmarks" / "results" / f"grid_{args.dataset}.csv"
    args.out.parent.mkdir(parents=True, exist_ok=True)
    return args


def cells_of(args: argparse.Namespace) -> list[Cell]:
    """Every cell that is asked for; a whole seed comes before the next."""
    classes = SETS[args.dataset].classes if "all" in args.classes else args.classes
    ablations = OF_PAPER if "all" in args.ablation else args.ablation
    return [
        Cell(args.dataset, normal, args.preset, args.encoder, ablation, str(seed))
        for seed in args.seeds
        for ablation in ablations
        for normal in classes
    ]


def run_grid(
    cells: Sequence[Cell],
    out: Path,
    measure: Callable[[Cell], Row],
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> list[Cell]:
    """Measures every cell that the CSV has not, and adds its row at once.

    Args:
        cells: all that are wanted.
        out: the CSV.
        measure: gives a cell's row, or raises `Busy` or `Failed`.
        say: where progress goes.

    Returns:
        The cells that failed.
    """
    done = {_key(row) for row in read_rows(out)}
    missing = [cell for cell in cells if cell.key not in done]
    say(f"{len(cells)} cells, {len(cells) - len(missing)} of them in {out}")
    failed: list[Cell] = []
    busy: list[Cell] = []
    seconds: list[float] = []
    for number, cell in enumerate(missing, 1):
        start = time.monotonic()
        try:
            row = measure(cell)
        except Busy:
            busy.append(cell)
            say(f"[{number}/{len(missing)}] {cell.name}: another process is at it")
            continue
        except Failed as error:
            failed.append(cell)
            say(f"[{number}/{len(missing)}] {cell.name}: failed, {error}")
            continue
        add_row(out, row)
        seconds.append(time.monotonic() - start)
        left = statistics.mean(seconds) * (len(missing) - number)
        say(
            f"[{number}/{len(missing)}] {cell.name}: image AUROC {row['image_AUROC']:.4f}, {seconds[-1]:.0f} s; "
            f"{_clock(left)} left"
        )
    done = {_key(row) for row in read_rows(out)}
    if left_over := [cell.name for cell in busy if cell.key not in done]:
        say(f"not measured here, another process was at it; see again when it has ended: {', '.join(left_over)}")
    return failed


def add_row(out: Path, row: Row) -> None:
    """Adds a row to the CSV unless it has one of the cell; processes that add at the same time wait for each other."""
    with open(out.with_name(f".{out.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = read_rows(out)
        if _key(row) not in {_key(other) for other in rows}:
            rows.append(row)
        write_csv(out, HEADER, ([other.get(name, "") for name in HEADER] for other in rows))


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV, all values text; none where there is no file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [dict(row) for row in csv.DictReader(file)]


def summary(rows: Iterable[Row]) -> str:
    """A line for each choice of settings: the mean over classes, its mean and standard deviation over seeds."""
    groups: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for row in rows:
        settings = tuple(row[name] for name in ("dataset", "preset", "encoder", "ablation"))
        groups.setdefault(settings, {}).setdefault(row["seed"], []).append(float(row["image_AUROC"]))
    lines = []
    for settings, by_seed in groups.items():
        means = [statistics.mean(values) for values in by_seed.values()]
        deviation = f" +- {statistics.stdev(means):.4f}" if len(means) > 1 else ""
        counts = sorted({len(values) for values in by_seed.values()})
        lines.append(
            f"{' '.join(settings)}: image AUROC {statistics.mean(means):.4f}{deviation}, "
            f"{len(means)} seeds of {' or '.join(map(str, counts))} classes\n"
        )
    return "".join(lines)


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def _clock(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    sys.exit(main())
