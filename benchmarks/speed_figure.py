"""Draws what statistics and scores cost by the size and by the number of images.

    python benchmarks/speed_figure.py

From benchmarks/results/speed_cost.csv; writes docs/images/speed_cost.png.
"""

import argparse
import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.speed_cost import OF_A_SIZE, SIDE
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.errors import InputError
from piade_tf.files import replacing
from piade_tf.report.palette import LIGHT

CSV = ROOT / "benchmarks" / "results" / "speed_cost.csv"
FIGURE = ROOT / "docs" / "images" / "speed_cost.png"
STEPS = (("statistics", LIGHT.normal), ("scores", LIGHT.anomalous))

Row = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, default=CSV)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    if not args.csv.exists():
        raise InputError(f"there is no {args.csv}; measure it with python benchmarks/speed.py --what cost")
    with open(args.csv, newline="", encoding="utf-8") as file:
        draw(list(csv.DictReader(file)), args.figure)
    print(f"Written: {args.figure}")


def draw(rows: list[Row], path: Path) -> None:
    """Milliseconds of an image against its side, and seconds of all images against their number."""
    import matplotlib
    from matplotlib.figure import Figure

    sizes = sorted((row for row in rows if int(row["images"]) == OF_A_SIZE), key=lambda row: int(row["side"]))
    numbers = sorted((row for row in rows if int(row["side"]) == SIDE), key=lambda row: int(row["images"]))
    with matplotlib.rc_context(LIGHT.style), replacing(path) as temporary:
        figure = Figure(figsize=(7.6, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for step, colour in STEPS:
            look = {"marker": "o", "ms": 3.5, "color": colour, "label": step}
            each = [1000 * float(row[f"{step}_seconds"]) / int(row["images"]) for row in sizes]
            left.plot([int(row["side"]) for row in sizes], each, **look)
            right.plot(
                [int(row["images"]) for row in numbers], [float(row[f"{step}_seconds"]) for row in numbers], **look
            )
        left.set(xlabel="side of the images in pixels", ylabel="milliseconds of an image", yscale="log")
        left.set_title(f"{OF_A_SIZE} images")
        right.set(xlabel="number of images", ylabel="seconds of all images", xscale="log", yscale="log")
        right.set_title(f"{SIDE} x {SIDE} pixels")
        right.set_xticks([int(row["images"]) for row in numbers], [f"{int(row['images']):,}" for row in numbers])
        right.minorticks_off()
        left.legend(fontsize="small")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary)


if __name__ == "__main__":
    with errors_in_one_line():
        main()
