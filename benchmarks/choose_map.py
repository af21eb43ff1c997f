"""How distances on photographs become a score and a map: the candidates, on the test images of six data sets.

    python benchmarks/choose_map.py --data-dir DIR

DIR as for benchmarks/photographs.py. Seed 0. The default was chosen with these figures in sight, which
docs/results.md says. A unit is what distances are divided by: something of those in held-out good images. Can be
interrupted and started again: data sets that the CSV has are not run again. About ten minutes on 2 idle cores.
"""

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.photographs import DATA
from export.publish.manifest import processor
from piade_tf.config import Config, DataConfig
from piade_tf.data import DataSplits, batches, load_data
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.evaluation.scored_split import BATCH
from piade_tf.files import write_csv
from piade_tf.model.inference import outputs_of
from piade_tf.model.network import build_network
from piade_tf.run_directory import git_commit
from piade_tf.scoring.aggregation import Aggregation
from piade_tf.scoring.parameters import UNUSUAL, pretrained_parameters
from piade_tf.scoring.place_context import resized_map
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.training.fit_scores import fit_scores

Maps = dict[str, np.ndarray]  # by part, (images, height, width)
BANK, FINE, MIDDLE, COARSE = "bank/distance", *(f"local/feature_map_{i}" for i in range(3))
UNITS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda held_out: float(held_out.mean()),
    "deviation": lambda held_out: float(held_out.std()),
    "0.1 %": lambda held_out: float(np.quantile(held_out, 1 - UNUSUAL)),
    "maximum": lambda held_out: float(held_out.max()),
}
SCORES = (  # unit, top share, weight of the bank
    ("mean", 0.03, 1.0),
    ("mean", 0.005, 1.0),
    ("0.1 %", 0.03, 1.0),
    ("mean", 0.03, 0.5),
    ("0.1 %", 0.005, 0.5),
)
MAPS = (  # unit, parts, how they are joined
    ("mean", (BANK, FINE), "geometric mean"),
    ("mean", (BANK,), "mean"),
    ("mean", (FINE,), "mean"),
    *((unit, (BANK, FINE), "mean") for unit in UNITS),
    ("deviation", (BANK, FINE, MIDDLE), "mean"),
)
HEADER = ("data", "what", "unit", "top_share", "bank_weight", "parts", "joined", "image_AUROC", "pixel_AUROC",
          "pixel_AUPRO", "cores", "processor", "git_commit")  # fmt: skip
RESULTS = ROOT / "benchmarks" / "results" / "choose_map.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    rows = []
    if args.out.exists():
        with open(args.out, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
    for data in args.data:
        if data not in [row[0] for row in rows]:
            rows += [[*row, os.cpu_count(), processor(), git_commit()] for row in measured(args.data_dir, data)]
            write_csv(args.out, HEADER, rows)
    for row in rows:
        print(*row[:10])


class Watched(ScoreSet):
    """Keeps the distances in held-out images, as they are before they are divided."""

    def fit_standards(self, batches: Iterable[dict[str, np.ndarray]]) -> None:
        listed = list(batches)
        self.held_out = {name: np.concatenate([batch[name] for batch in listed]) for name in listed[0]}
        super().fit_standards(listed)


def measured(root: Path, data: str) -> list[list[Any]]:
    """The rows of a data set."""
    import keras
    from sklearn.metrics import roc_auc_score

    folder, sizes = DATA[data]
    options = DataConfig(dataset="folder", data_dir=root / folder, image_size=tuple(map(int, sizes[1:])))
    splits = load_data(options, 0)
    network = build_network(Config().network.for_image(*splits.image_shape[:2]), *splits.image_shape)
    with mock.patch("piade_tf.training.fit_scores.ScoreSet", Watched):
        scorer: Any = fit_scores(network, pretrained_parameters(Config().loss.ssim_window), splits, "none", 0)
    model = keras.Model(network.input, scorer.part_outputs(network.input, network.output))
    found = list(outputs_of(model, batches(splits.test, BATCH)))
    tested = {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}
    rows: list[list[Any]] = []
    for unit, share, weight in SCORES:
        divided = [in_units(maps, scorer.held_out, unit) for maps in (scorer.held_out, tested)]
        normal, test = ([bank_score(maps), local_score(maps, share)] for maps in divided)
        total = sum(
            part * (values - good.mean()) / good.std()
            for part, good, values in zip((weight, 1.0), normal, test, strict=True)
        )
        auroc = round(float(roc_auc_score(splits.test.labels, total)), 6)
        rows.append([data, "score", unit, share, weight, "", "", auroc, "", ""])
    for unit, parts, joined in MAPS if splits.test.masks is not None else ():
        shown = [smoothed(in_units(tested, scorer.held_out, unit)[part], splits.image_shape) for part in parts]
        whole = np.prod(shown, axis=0) ** (1 / len(shown)) if joined == "geometric mean" else np.mean(shown, axis=0)
        rows.append([data, "map", unit, "", "", " ".join(parts), joined, "", *pixel_metrics(whole, splits)])
    return rows


def in_units(maps: Maps, held_out: Maps, unit: str) -> Maps:
    """Distances divided by the unit of their map."""
    return {name: values / UNITS[unit](held_out[name]) for name, values in maps.items()}


def bank_score(maps: Maps) -> np.ndarray:
    distances = np.asarray(resized_map(maps[BANK], maps[BANK].shape[1:3], 1.0))
    return distances.max(axis=(1, 2))


def local_score(maps: Maps, share: float) -> np.ndarray:
    size = maps[FINE].shape[1:3]
    mean = sum(np.asarray(resized_map(maps[name].astype("float32"), size)) for name in (FINE, MIDDLE, COARSE)) / 3
    return np.asarray(Aggregation("top", share)(mean))


def smoothed(maps: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return np.asarray(resized_map(maps.astype("float32"), shape[:2], 4.0))


def pixel_metrics(maps: np.ndarray, splits: DataSplits) -> list[float]:
    """Pixel AUROC and AUPRO."""
    test = splits.test
    assert test.masks is not None
    masks = np.stack(list(test.masks.images.as_numpy_iterator()))
    pixels = PixelMetrics()
    pixels.add(maps[test.has_mask], masks[test.has_mask])
    result = pixels.result()
    return [round(result[name], 6) for name in ("pixel_AUROC", "pixel_AUPRO")]


if __name__ == "__main__":
    main()
