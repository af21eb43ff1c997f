"""The tables of README.md and docs/, made of the CSVs that the other benchmarks write.

    python benchmarks/tables.py            # writes them
    python benchmarks/tables.py --check    # exit code 1 where one differs

A table stands between `<!-- table NAME -->` and `<!-- end of table -->`.
"""

import argparse
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.grid_tables import TABLES as OF_GRID
from benchmarks.machine_tables import TABLES as OF_MACHINES
from benchmarks.speed_tables import TABLES as OF_SPEED
from benchmarks.table_parts import NAMES, Row, grouped, percent, read, spread, table

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    different = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        made = with_tables(text)
        if made != text:
            different.append(page)
            if not args.check:
                page.write_text(made, encoding="utf-8")
    for page in different:
        print(f"{page.relative_to(ROOT)}: {'differs from the CSVs' if args.check else 'written'}")
    return int(args.check and bool(different))


def with_tables(text: str) -> str:
    """The text of a page with its tables as the CSVs have them."""
    return BLOCK.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def photographs(file: str = "photographs.csv") -> str:
    """Every metric, mean and deviation over seeds."""
    header = (
        "",
        "image AUROC",
        "pixel AUROC",
        "pixel AUPRO",
        "found at the threshold, by seed",
        "false alarms, by seed",
    )
    rows = []
    for data, seeds in grouped(_default_photographs(file), "data").items():
        found = f"{' '.join(row['TP'] for row in seeds)} of {seeds[0]['n_anomalous']}"
        alarms = f"{' '.join(row['FP'] for row in seeds)} of {seeds[0]['n_normal']}"
        metrics = [spread(seeds, name) for name in ("image_AUROC", "pixel_AUROC", "pixel_AUPRO")]
        rows.append((NAMES[data], *metrics, found, alarms))
    return table(header, rows)


def photographs_in_short() -> str:
    """For the README."""
    header = ("data", "image AUROC, mean and deviation of five seeds", "anomalies found", "false alarms")
    rows = []
    for data, seeds in grouped(_default_photographs(), "data").items():
        found = statistics.mean(int(row["TP"]) for row in seeds)
        share = statistics.mean(int(row["FP"]) / int(row["n_normal"]) for row in seeds)
        rows.append(
            (NAMES[data], spread(seeds, "image_AUROC"), f"{found:.0f} of {seeds[0]['n_anomalous']}", f"{share:.0%}")
        )
    return table(header, [[cell.replace("%", " %") for cell in row] for row in rows])


def few_images() -> str:
    """Mean and worst of the draws for each number of images."""
    rows = read("few_images.csv")
    counts = [count for count in dict.fromkeys(row["images"] for row in rows) if count != "all"]
    lines = []
    for data, of_data in grouped(rows, "data").items():
        by_count = grouped(of_data, "images")
        cells = [_mean_and_worst(by_count.get(count, [])) for count in (*counts, "all")]
        of_all = f" of {of_data[0]['of']}" if "all" in by_count else ""
        lines.append((NAMES[data], *cells[:-1], cells[-1] + of_all))
    return table(("", *counts, "all"), lines)


def choose_map() -> str:
    """AUPRO on drawn and on real defects, and how often the largest value lies on a real one; means over seeds."""
    sets = grouped(read("choose_map.csv"), "data")
    lines = []
    for name in dict.fromkeys(row["weights"] for rows in sets.values() for row in rows):
        cells = []
        for rows in sets.values():
            of_name = grouped([row for row in rows if row["weights"] == name], "images")
            drawn, test = of_name["drawn"], of_name.get("test", [])
            figures = [_mean(drawn, "pixel_AUPRO"), _mean(test, "pixel_AUPRO"), _mean(test, "hit")]
            cells.append(" / ".join(figures))
        lines.append((name, *cells))
    return table(("a map counts", *(data.replace("_", " ") for data in sets)), lines)


def decoder_start() -> str:
    """Validation error of each way to train the decoder at 128x128, mean and deviation over seeds, in thousandths."""
    sets = grouped((row for row in read("decoder_start.csv") if row["image"] == "128x128"), "data")
    variants = list(dict.fromkeys(row["variant"] for rows in sets.values() for row in rows))
    lines = [
        (
            *variant.split(", "),
            *(_thousandths(grouped(rows, "variant").get(variant, []), "val_mse") for rows in sets.values()),
        )
        for variant in variants
    ]
    of_mean = [_thousandths(grouped(rows, "variant")[variants[0]], "mean_image_mse") for rows in sets.values()]
    return table(("upsampling", "starts at", "batch", *sets), [*lines, ("the mean training image", "", "", *of_mean)])


def _thousandths(rows: Sequence[Row], name: str) -> str:
    values = [1000 * float(row[name]) for row in rows]
    deviation = f" +- {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{deviation}" if values else "-"


def beside_anomalib() -> str:
    """A row for each method, the data sets side by side."""
    rows = read("beside_anomalib.csv")
    lines = []
    for method, of_method in grouped(rows, "method").items():
        cells = [
            " / ".join(f"{float(row[name]):.{digits}f}" if row[name] else "-" for row in of_method)
            for name, digits in (("image_AUROC", 3), ("pixel_AUPRO", 3), ("fit_cpu_seconds", 0), ("ms", 1))
        ]
        size = " / ".join(f"{int(row['bytes']) / 1e6:.1f}" for row in of_method)
        lines.append((f"`{method}`", *cells, size))
    sets = ", ".join(grouped(rows, "data"))
    header = ("", "image AUROC", "AUPRO", "seconds to fit", "ms of an image", "MB")
    return table((sets, *header[1:]), lines)


def gate_ships(file: str = "gate_ships.csv") -> str:
    """For each format and data set how many seeds ship, and how many verdicts differ."""
    return _gate(file, "format", "ships", lambda name: f"`{name}`")


def gate_spoilings() -> str:
    """For each mistake and data set how many seeds are rejected, and how many verdicts differ."""
    return _gate("gate_spoilings.csv", "spoiling", "rejected", lambda name: name.replace("_", " "))


def int8_loss() -> str:
    """Image AUROC of the run, and what int8 loses, the worst of the seeds."""
    rows = [row for row in read("gate_ships.csv") if row["format"] in ("float32", "int8") and row["image_AUROC"]]
    lines = []
    for data, of_data in grouped(rows, "data").items():
        by_format = grouped(of_data, "format")
        losses = [
            float(first["image_AUROC"]) - float(second["image_AUROC"])
            for first, second in zip(by_format["float32"], by_format["int8"], strict=True)
        ]
        lines.append(
            (
                NAMES[data],
                str(len(losses)),
                *(spread(by_format[name], "image_AUROC") for name in ("float32", "int8")),
                f"{100 * max(losses, key=abs):+.2f}",
            )
        )
    return table(("", "seeds", "`float32`", "`int8`", "largest difference"), lines)


def _gate(file: str, key: str, decision: str, named: Callable[[str], str]) -> str:
    rows = read(file)
    sets = list(dict.fromkeys(row["data"] for row in rows))
    lines = []
    for name, of_name in grouped(rows, key).items():
        by_set = grouped(of_name, "data")
        lines.append((named(name), *(_decided(by_set.get(data, []), decision) for data in sets)))
    return table(("", *(NAMES[data] for data in sets)), lines)


def _decided(rows: Sequence[Row], decision: str) -> str:
    """`5 of 5: 8 to 12 of 141`."""
    if not rows:
        return "-"
    counts = f"{sum(row[decision] == 'True' for row in rows)} of {len(rows)}"
    differ = sorted(int(row["verdicts_differ"]) for row in rows if row["verdicts_differ"])
    if not differ:
        return counts
    ends = f"{differ[0]}" if differ[0] == differ[-1] else f"{differ[0]} to {differ[-1]}"
    return f"{counts}: {ends} of {rows[0]['verdicts']}"


def _default_photographs(file: str = "photographs.csv") -> list[Row]:
    return [row for row in read(file) if row["options"] == "--no-tensorboard --epochs 1"]


def _mean(rows: Sequence[Row], name: str) -> str:
    return percent(statistics.mean(float(row[name]) for row in rows)) if rows else "-"


def _mean_and_worst(rows: Sequence[Row]) -> str:
    values = [float(row["image_AUROC"]) for row in rows]
    return f"{percent(statistics.mean(values))} ({percent(min(values))})" if values else "-"


TABLES: dict[str, Callable[[], str]] = (
    {
        function.__name__: function
        for function in (
            *(photographs, photographs_in_short, few_images, choose_map, decoder_start),
            *(beside_anomalib, gate_ships, gate_spoilings, int8_loss),
        )
    }
    | {f"{one.__name__}_intel": partial(one, f"intel_xeon/{one.__name__}.csv") for one in (photographs, gate_ships)}
    | OF_GRID
    | OF_MACHINES
    | OF_SPEED
)


if __name__ == "__main__":
    sys.exit(main())
