"""Anomaly maps of defects of every data set, from the runs of benchmarks/photographs.py.

    python benchmarks/map_figure.py --data-dir DIR --runs-dir runs/photographs

DIR as for benchmarks/photographs.py. Of each set the four images whose scores lie at 20, 40, 60 and 80 % of those of
its anomalous test images: neither the best nor the worst, chosen by their scores alone. White is the outline of the
mask. The photographs are not shown: most of the licences do not allow it in a project that may be used commercially.
"""

import argparse
import csv
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.photographs import DATA
from piade_tf import Detector
from piade_tf.config import DataConfig
from piade_tf.data import load_data
from piade_tf.data.reading import images_at
from piade_tf.files import replacing

SHARES = (0.2, 0.4, 0.6, 0.8)
FIGURE = ROOT / "docs" / "images" / "anomaly_maps_photographs.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs", "photographs"))
    parser.add_argument("--seed", default="0")
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    rows = {
        data: shown(args.data_dir, args.runs_dir / f"{data}-seed{args.seed}", data)
        for data in DATA
        if (args.runs_dir / f"{data}-seed{args.seed}" / "report.html").exists()
    }
    draw(rows, args.figure)


def shown(root: Path, run: Path, data: str) -> list[tuple[np.ndarray, np.ndarray, bool, str]]:
    """Map in units of its threshold, mask, verdict and class of each image that is shown."""
    folder, sizes = DATA[data]
    options = DataConfig(dataset="folder", data_dir=root / folder, image_size=tuple(map(int, sizes[1:])))
    test = load_data(options, 0).test
    with open(run / "scores.csv", newline="", encoding="utf-8") as file:
        scores = np.array([float(row["pred_score"]) for row in csv.DictReader(file)])
    anomalous = np.flatnonzero(test.labels == 1)
    ordered = anomalous[np.argsort(scores[anomalous])]
    chosen = ordered[(np.array(SHARES) * (len(ordered) - 1)).astype(int)]
    places = np.sort(chosen)
    images = dict(zip(places, images_at(test, places), strict=True))
    masks = {} if test.masks is None else dict(zip(places, images_at(test.masks, places), strict=True))
    detector = Detector.load(run)
    limit = detector.map_threshold.value
    return [
        (
            prediction.anomaly_map / limit,
            masks.get(index, np.zeros(prediction.anomaly_map.shape)),
            prediction.pred_label,
            str(test.classes[index]),
        )
        for index, prediction in zip(chosen, detector.predict([images[index] for index in chosen]), strict=True)
    ]


def draw(rows: dict[str, list[tuple[np.ndarray, np.ndarray, bool, str]]], path: Path) -> None:
    """A column for each data set."""
    import matplotlib
    from matplotlib.figure import Figure

    from piade_tf.report.palette import LIGHT

    with matplotlib.rc_context(LIGHT.style), replacing(path) as temporary:
        figure = Figure(figsize=(1.6 * len(rows), 1.75 * len(SHARES) + 0.5), layout="constrained")
        axes = figure.subplots(len(SHARES), len(rows), squeeze=False)
        for column, (data, images) in enumerate(rows.items()):
            for row, (anomaly_map, mask, anomalous, name) in enumerate(images):
                place = axes[row, column]
                picture = place.imshow(anomaly_map, cmap="inferno", vmin=0, vmax=2)
                if mask.any():
                    place.contour(mask, levels=[0.5], colors="white", linewidths=0.8)
                place.set(xticks=[], yticks=[], aspect="auto")
                place.set_xlabel(f"{name.replace('_', ' ')}: {'anomalous' if anomalous else 'normal'}", fontsize=6)
            axes[0, column].set_title(data.replace("_", " "), fontsize=8)
        bar = figure.colorbar(picture, ax=axes, location="right", shrink=0.5, ticks=[0, 1, 2])
        bar.set_label("anomaly map, in thresholds", fontsize=7)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary, dpi=110)


if __name__ == "__main__":
    main()
