"""How the maps of bank and Gaussians become one: on defects drawn into good images, and on real ones.

    python benchmarks/choose_map.py --data-dir DIR

DIR as for benchmarks/photographs.py. All good images of a set, at most 250, are parted in five; those of each part get
defects as in CutPaste (export/verification/synthetic_defects.py), at half of their strength, and are judged by what the
others say. Beside them stand the test images, by what all good ones say. `hit` is the share of defects with the map's
largest value on them. Defaults but without variants of the images. Can be interrupted and started again: sets and seeds
that the CSV has are not run again. Two minutes for each on one core.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.photographs import DATA
from benchmarks.rows_so_far import rows_so_far
from export.publish.manifest import processor
from export.verification.synthetic_defects import with_defects
from piade_tf.config import Config, DataConfig
from piade_tf.data import load_data
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.files import write_csv
from piade_tf.model.inference import outputs_of
from piade_tf.model.network import build_network
from piade_tf.pixels import to_unit
from piade_tf.run_directory import git_commit
from piade_tf.scoring.parameters import UNUSUAL, pretrained_parameters
from piade_tf.scoring.place_context import resized_map
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.training.fit_scores import folds_of

Maps = dict[str, np.ndarray]  # by name, (images, height, width) or features
BANK, FINE = "bank/distance", "local/feature_map_0"
MOST, PARTS, DEFECTS, STRENGTH, SEEN = 250, 5, 24, 0.5, 12  # SEEN: change of a pixel, of 255, from which it is a defect
BATCH = 32
# What a map counts by, given its limit over the typical distance of good places.
WEIGHTS: dict[str, Callable[[float, str], float]] = {
    "equal": lambda ratio, name: 1.0,
    "bank alone": lambda ratio, name: float(name == BANK),
    "Gaussians alone": lambda ratio, name: float(name == FINE),
    "bank twice": lambda ratio, name: 2.0 if name == BANK else 1.0,
    "typical / limit": lambda ratio, name: 1 / ratio,
    "its square": lambda ratio, name: ratio**-2,
    "its fourth power": lambda ratio, name: ratio**-4,
}
HEADER = (
    *("data", "seed", "images", "weights", "bank_share", "pixel_AUROC", "pixel_AUPRO", "hit"),
    *("cores", "processor", "git_commit"),
)
RESULTS = ROOT / "benchmarks" / "results" / "choose_map.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    rows = rows_so_far(args.out)
    for seed, data in itertools.product(args.seeds, args.data):
        if [data, str(seed)] not in [[str(cell) for cell in row[:2]] for row in rows]:
            rows += [[*row, os.cpu_count(), processor(), git_commit()] for row in measured(args.data_dir, data, seed)]
            write_csv(args.out, HEADER, rows)
    for row in rows:
        print(*row[:8], sep="\t")


class Fitted:
    """A frozen encoder and scores that are fitted to some of its images."""

    def __init__(self, shape: tuple[int, int, int]):
        self.network = build_network(Config().network.for_image(*shape[:2]), *shape)
        self.scorer = ScoreSet(pretrained_parameters(Config().loss.ssim_window))
        sources = {name for names in self.scorer.sources(self.network.output).values() for name in names}
        self._encoder = keras.Model(self.network.input, {name: self.network.output[name] for name in sorted(sources)})

    def seen(self, images: np.ndarray) -> Maps:
        """What the encoder makes of images, uint8."""
        return joined(outputs_of(self._encoder, tf.data.Dataset.from_tensor_slices(images).batch(BATCH).map(to_unit)))

    def fit(self, seen: Maps) -> None:
        features = (in_numpy(self.scorer.features(batch)) for batch in in_batches(seen))
        self.scorer.fit_statistics(features, self.network.output)

    def distances(self, seen: Maps) -> Maps:
        return joined(in_numpy(self.scorer.part_outputs(None, batch)) for batch in in_batches(seen))


def measured(root: Path, data: str, seed: int) -> list[list[Any]]:
    """The rows of a data set."""
    folder, sizes = DATA[data]
    options = DataConfig(dataset="folder", data_dir=root / folder, image_size=tuple(map(int, sizes[1:])))
    splits = load_data(options, seed)
    all_good = [
        np.stack(list(split.images.as_numpy_iterator()))
        for split in (splits.train, splits.validation, splits.calibration)
        if split.count
    ]
    good = np.random.default_rng(seed).permutation(np.concatenate(all_good))[:MOST]
    fitted = Fitted(splits.image_shape)
    seen, part_of = fitted.seen(good), folds_of(len(good), PARTS, seed)
    held_out, drawn, masks = [], [], []
    for part in range(PARTS):
        own = part_of == part
        fitted.fit(rows_of(seen, ~own))
        held_out.append(fitted.distances(rows_of(seen, own)))
        before = [good[own][i % own.sum()] for i in range(DEFECTS)]
        after = list(itertools.islice(with_defects(good[own], STRENGTH, seed * PARTS + part), DEFECTS))
        drawn.append(fitted.distances(fitted.seen(np.stack(after))))
        masks += [np.abs(np.subtract(a, b, dtype=int)).max(-1) >= SEEN for a, b in zip(after, before, strict=True)]
    good_maps = joined(held_out)
    limit = {name: float(np.quantile(good_maps[name], 1 - UNUSUAL)) for name in (BANK, FINE)}
    ratio = {name: limit[name] / float(np.median(good_maps[name])) for name in limit}
    judged = {"drawn": (joined(drawn), np.stack(masks))}
    test = splits.test
    if test.masks is not None:
        fitted.fit(seen)
        photographs = np.stack(list(test.images.as_numpy_iterator()))[test.has_mask]
        true = np.stack(list(test.masks.images.as_numpy_iterator()))[test.has_mask]
        judged["test"] = (fitted.distances(fitted.seen(photographs)), true > 0)
    rows = []
    for which, (maps, true) in judged.items():
        for name, weight_of in WEIGHTS.items():
            weights = {part: weight_of(ratio[part], part) for part in limit}
            whole = sum(weights[part] / sum(weights.values()) * maps[part] / limit[part] for part in limit)
            shown = np.asarray(resized_map(np.asarray(whole, "float32"), splits.image_shape[:2], 4.0))
            share = round(weights[BANK] / sum(weights.values()), 3)
            rows.append([data, seed, which, name, share, *pixel_metrics(shown, true)])
    return rows


def pixel_metrics(maps: np.ndarray, masks: np.ndarray) -> list[float]:
    """Pixel AUROC, AUPRO and the share of defects with the largest value on them."""
    pixels = PixelMetrics()
    pixels.add(maps, masks)
    result = pixels.result()
    flat = masks.reshape(len(masks), -1)
    hit = flat[np.arange(len(flat)), maps.reshape(len(maps), -1).argmax(1)][flat.any(1)].mean()
    return [round(float(value), 4) for value in (result["pixel_AUROC"], result["pixel_AUPRO"], hit)]


def in_batches(seen: Maps) -> Iterator[Maps]:
    for start in range(0, len(next(iter(seen.values()))), BATCH):
        yield {name: values[start : start + BATCH] for name, values in seen.items()}


def rows_of(seen: Maps, chosen: np.ndarray) -> Maps:
    return {name: values[chosen] for name, values in seen.items()}


def joined(batches: Any) -> Maps:
    listed = list(batches)
    return {name: np.concatenate([batch[name] for batch in listed]) for name in listed[0]}


def in_numpy(tensors: dict[str, Any]) -> Maps:
    return {name: keras.ops.convert_to_numpy(values) for name, values in tensors.items()}


if __name__ == "__main__":
    main()
