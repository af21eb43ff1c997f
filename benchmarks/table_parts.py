"""What tables are made of: rows of CSVs, grouped, their mean and deviation, and Markdown."""

import csv
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

Row = dict[str, str]
NAMES = {
    "bottle": "MVTec AD, bottle",
    "transistor": "MVTec AD, transistor",
    "toothbrush": "MVTec AD, toothbrush (own split)",
    "cookies": "cookies, 31 good photographs",
    "kolektorsdd": "KolektorSDD, 640x256",
    "magnetic_tile": "magnetic tiles",
    "digits": "digits",
}
FORMATS = ("saved_model", "float32", "float16", "dynamic_int8", "int8", "int8_full")


def read(name: str) -> list[Row]:
    """The rows of a CSV of benchmarks/results."""
    with open(RESULTS / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    """The rows by their value of a column, in the order of `NAMES`, formats or first appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    order = [*NAMES, *FORMATS]
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def spread(rows: Sequence[Row], name: str) -> str:
    """Mean and standard deviation of a column in percent."""
    return mean_and_deviation([float(row[name]) for row in rows if row[name]])


def mean_and_deviation(values: Sequence[float]) -> str:
    """In percent; a single value has no deviation."""
    if not values:
        return "-"
    deviation = f" +- {percent(statistics.stdev(values))}" if len(values) > 1 else ""
    return percent(statistics.mean(values)) + deviation


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("|" + "".join(f" {cell} |" if cell else " |" for cell in line) + "\n" for line in lines)
