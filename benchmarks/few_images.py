"""How many photographs of good parts are needed: image AUROC against their number, five draws each, six data sets.

    python benchmarks/few_images.py --data-dir DIR
    python benchmarks/few_images.py --data-dir DIR --data bottle --counts 5 10 --draws 2

DIR as for benchmarks/photographs.py. A draw takes so many of the training images at random, divides them as a training
does, fits the scores with the defaults and scores the whole test set; `all` takes all of them, divided anew. The
decoder stays untrained: `combined` does not look at it. Can be interrupted and started again: rows that the CSV has are
not run again. Writes the figure at the end. About 25 minutes on 2 idle cores.
"""

import argparse
import dataclasses
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.photographs import DATA
from benchmarks.rows_so_far import rows_so_far
from export.publish.manifest import processor
from piade_tf.config import Config, DataConfig
from piade_tf.data import batches, divide_source, find_source
from piade_tf.data.source import ImageSet, Source
from piade_tf.evaluation.calibration import calibrated, calibration_for, good_images
from piade_tf.evaluation.scored_split import BATCH
from piade_tf.files import replacing, write_csv
from piade_tf.model.inference import outputs_of
from piade_tf.model.network import build_network
from piade_tf.run_directory import git_commit
from piade_tf.scoring.parameters import parameters_for

COUNTS = ("5", "10", "20", "50", "100", "all")
HEADER = ("data", "images", "draw", "of", "image_AUROC", "fit_seconds", "cores", "processor", "git_commit")
RESULTS = ROOT / "benchmarks" / "results" / "few_images.csv"
FIGURE = ROOT / "docs" / "images" / "few_images.png"
Row = list[Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--counts", nargs="+", choices=COUNTS, default=COUNTS)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_so_far(args.out)
    for data in args.data:
        cells = [(count, str(draw)) for count in args.counts for draw in range(args.draws)]
        missing = [cell for cell in cells if [data, *cell] not in [row[:3] for row in rows]]
        for row in measured(args.data_dir, data, missing):
            rows.append(row)
            write_csv(args.out, HEADER, rows)
            print(*row[:6], flush=True)
    summarise(rows)
    draw_figure(rows, args.figure)


def measured(root: Path, data: str, cells: list[tuple[str, str]]) -> Iterator[Row]:
    """A row for each cell, a number of images and the number of a draw; none where there are fewer images."""
    if not cells:
        return
    from sklearn.metrics import roc_auc_score

    folder, sizes = DATA[data]
    options = DataConfig(dataset="folder", data_dir=root / folder, image_size=tuple(map(int, sizes[1:])))
    source = find_source(options)
    whole = divide_source(source, options, 0)
    network_options = Config().network.for_image(*whole.image_shape[:2])
    network = build_network(network_options, *whole.image_shape)
    parameters = parameters_for(network_options.encoder, Config().loss.ssim_window, "parts")
    tested = list(outputs_of(network, batches(whole.test, BATCH)))
    normal = np.flatnonzero(source.train.labels == 0)
    for count, draw in cells:
        wanted = len(normal) if count == "all" else int(count)
        if wanted > len(normal):
            continue
        start = time.monotonic()
        drawn = np.random.default_rng([int(draw), wanted]).choice(normal, wanted, replace=False)
        splits = divide_source(with_training(source, np.sort(drawn)), options, int(draw))
        way = calibration_for("auto", network_options.encoder, "combined", good_images(splits))
        scorer = calibrated(network, parameters, splits, options.augment, int(draw), "combined", way).scorer
        seconds = time.monotonic() - start
        scores = np.concatenate([scorer.combined(None, outputs).pred_score for outputs in tested])
        auroc = roc_auc_score(whole.test.labels, scores)
        yield [
            *(data, count, draw, len(normal), round(float(auroc), 6), round(seconds, 1)),
            *(os.cpu_count(), processor(), git_commit()),
        ]


def with_training(source: Source, chosen: np.ndarray) -> Source:
    """The source with these training images alone, by their places."""
    images = source.train
    part = ImageSet(
        items=lambda indices: images.items(chosen[indices]),
        read=images.read,
        classes=images.classes[chosen],
        labels=images.labels[chosen],
        ids=images.ids[chosen],
        item_bytes=images.item_bytes,
    )
    return dataclasses.replace(source, train=part)


def grouped(rows: list[Row]) -> dict[str, dict[int, list[float]]]:
    """By data set and number of images, the image AUROC of every draw."""
    found: dict[str, dict[int, list[float]]] = {}
    for data, count, _draw, of, auroc, *_ in rows:
        by_count = found.setdefault(data, {})
        by_count.setdefault(int(of if count == "all" else count), []).append(float(auroc))
    return {data: dict(sorted(by_count.items())) for data, by_count in found.items()}


def summarise(rows: list[Row]) -> None:
    """Prints mean and worst of the draws, in percent."""
    counts = [count for count in COUNTS if count != "all"]
    print(f"| | {' | '.join(counts)} | all |\n| --- |{' --- |' * (len(counts) + 1)}")
    for data, by_count in grouped(rows).items():
        most = max(by_count)
        cells = [_cell(by_count.get(int(count))) for count in counts] + [f"{_cell(by_count[most])} of {most}"]
        print(f"| {data} | {' | '.join(cells)} |")


def _cell(values: list[float] | None) -> str:
    return f"{100 * statistics.mean(values):.1f} ({100 * min(values):.1f})" if values else "-"


def draw_figure(rows: list[Row], path: Path) -> None:
    """The mean over draws as a line, from the worst to the best as a band, for each data set."""
    import matplotlib
    from matplotlib.figure import Figure

    from piade_tf.report.palette import LIGHT

    with matplotlib.rc_context(LIGHT.style), replacing(path) as temporary:
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        for data, by_count in grouped(rows).items():
            places, draws = list(by_count), list(by_count.values())
            (line,) = axes.plot(places, [statistics.mean(values) for values in draws], marker="o", ms=3.5, label=data)
            lowest, highest = [min(values) for values in draws], [max(values) for values in draws]
            axes.fill_between(places, lowest, highest, color=line.get_color(), alpha=0.15, linewidth=0)
        ticks = [5, 10, 20, 50, 100, 200, 500]
        axes.set_xscale("log")
        axes.set_xticks(ticks, list(map(str, ticks)))
        axes.minorticks_off()
        axes.set(xlabel="photographs of good parts", ylabel="image AUROC")
        axes.legend(loc="lower right", fontsize="small")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary)


if __name__ == "__main__":
    main()
