"""Which false-alarm rate does the threshold of few good images keep: held-out images against folds.

    python benchmarks/threshold_promise_few.py --data-dir DIR [--draws 50]

DIR as for benchmarks/photographs.py. All good images of a set, those of training and test together, are drawn from: a
draw takes 10, 20, 50 or 200 of them at random; a threshold is fitted as a training does it; false alarms are counted on
the others. `split` is a training with --calibration split, `folds` one with --calibration folds with so many folds,
`loo` leaves out one image at a time. Beside the rate stands what share of the anomalous test images is found.
Without --data-dir, table and figure are made from the CSV.

The default score behind the frozen encoder, without what images look like on other devices, at 128x128 (KolektorSDD at
320x128) so that a draw costs seconds. Seeds are the numbers of the draws. Can be interrupted and started again: what
the CSV has is not run again. Writes the figure at the end. An hour on 2 idle cores.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.photographs import DATA
from benchmarks.rows_so_far import rows_so_far
from export.publish.manifest import processor
from piade_tf.config import Config, DataConfig
from piade_tf.data import batches, find_source
from piade_tf.data.division import hold_out
from piade_tf.data.preparation import Preparation
from piade_tf.data.reading import labelled_split, split_of
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.files import replacing, write_csv
from piade_tf.model.inference import outputs_of
from piade_tf.model.network import build_network
from piade_tf.run_directory import git_commit
from piade_tf.scoring.parameters import parameters_for
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.training.fit_scores import FEW, FOLDS, folds_of

SIZES = {"bottle": (128, 128), "transistor": (128, 128), "magnetic_tile": (128, 128), "kolektorsdd": (320, 128)}
COUNTS = (10, 20, 50, 200)
RATES = (0.01, 0.05)
LEAVE_ONE_OUT = 20  # images up to which it is tried
MOST_HELD_OUT = 300
HEADER = (
    *("data", "images", "draw", "method", "wanted_fpr", "nominal_fpr", "n_calibration", "false_alarms", "n_held_out"),
    *("found", "n_anomalous", "cores", "processor", "git_commit"),
)
RESULTS = ROOT / "benchmarks" / "results" / "threshold_promise_few.csv"
FIGURE = ROOT / "docs" / "images" / "threshold_promise_few.png"
Outputs = dict[str, np.ndarray]
Row = list[Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--data", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--counts", nargs="+", type=int, default=COUNTS)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = rows_so_far(args.out)
    if args.data_dir is not None:
        rows = with_draws(rows, args)
    summarise(rows)
    draw_figure(rows, args.figure)


def with_draws(rows: list[Row], args: argparse.Namespace) -> list[Row]:
    """The rows and those of the draws that are missing, which are written as they come."""
    sets = {data: EncodedImages(args.data_dir, data) for data in args.data}
    for draw in range(args.draws):
        for data, images in sets.items():
            for count in args.counts:
                done = {row[3] for row in rows if list(map(str, row[:3])) == [data, str(count), str(draw)]}
                added = [[data, count, draw, *row] for row in of_draw(images, count, draw, done)]
                if added:
                    rows = [*rows, *added]
                    write_csv(args.out, HEADER, rows)
        print(f"draw {draw + 1} of {args.draws}", flush=True)
    return rows


class EncodedImages:
    """What the frozen encoder makes of the good images of a set, and of its anomalous ones.

    Attributes:
        good, bad: by feature map, `(n, height, width, channels)`, float32.
        count: of good images.
        outputs: of the network, symbolic.
        parameters: of the scores.
    """

    def __init__(self, data_dir: Path, data: str):
        folder, _ = DATA[data]
        config = DataConfig(dataset="folder", data_dir=data_dir / folder, image_size=SIZES[data])
        source = find_source(config)
        preparation = Preparation.from_options(config, source.default_size, source.grey, source.bits)
        network_options = Config().network.for_image(*preparation.shape[:2])
        network = build_network(network_options, *preparation.shape)
        self.parameters = parameters_for(network_options.encoder, Config().loss.ssim_window, source.kind)
        self.outputs = network.output
        maps = sorted({*self.parameters.local.maps, *(self.parameters.bank.maps if self.parameters.bank else ())})
        encoder = keras.Model(network.input, {name: network.output[name] for name in maps})
        learned = split_of(source.train, np.flatnonzero(source.train.labels == 0), preparation)
        test = labelled_split(source.test, preparation)
        found = [joined(outputs_of(encoder, batches(split, 32))) for split in (learned, test)]
        normal = test.labels == 0
        self.good = {name: np.concatenate([found[0][name], found[1][name][normal]]) for name in maps}
        self.bad = {name: found[1][name][~normal] for name in maps}
        self.count = len(self.good[maps[0]])
        print(f"{data}: {self.count} good images, {int((~normal).sum())} anomalous", flush=True)


def joined(found: Iterator[Outputs]) -> Outputs:
    listed = list(found)
    return {name: np.concatenate([batch[name] for batch in listed]) for name in listed[0]}


def of_draw(images: EncodedImages, count: int, draw: int, done: set[str]) -> Iterator[Row]:
    """The rows of one draw: every method that is not done, on the same images."""
    order = np.random.default_rng(draw).permutation(images.count)
    drawn, others = order[:count], order[count:][:MOST_HELD_OUT]
    held_out, bad = at(images.good, others), images.bad
    ways = {"split": 0, "folds 5": 5, "folds 10": 10} | ({"loo": count} if count <= LEAVE_ONE_OUT else {})
    if count == 10:
        del ways["loo"]  # ten folds are that
    for method, folds in [(name, folds) for name, folds in ways.items() if name not in done]:
        scorer = OnlyLocalAndBank(images)
        normal = scorer.fit_split(drawn, draw) if method == "split" else scorer.fit_folds(drawn, folds, draw)
        good_scores, bad_scores = scorer.scores(held_out), scorer.scores(bad)
        for rate in RATES:
            threshold = fit_threshold("fpr", rate, normal)
            yield [
                *(method, rate, f"{threshold.promised_fpr:.6f}", len(normal)),
                *(int(threshold.is_anomalous(good_scores).sum()), len(good_scores)),
                *(int(threshold.is_anomalous(bad_scores).sum()), len(bad_scores)),
                *(os.cpu_count(), processor(), git_commit()),
            ]


def at(outputs: Outputs, places: np.ndarray) -> Outputs:
    return {name: values[places] for name, values in outputs.items()}


def in_numpy(tensors: dict[str, Any]) -> Outputs:
    return {name: keras.ops.convert_to_numpy(values) for name, values in tensors.items()}


class OnlyLocalAndBank:
    """The default score of photographs, fitted to what the encoder made of images: the others are left out."""

    def __init__(self, images: EncodedImages):
        self.images = images
        self.scorer = ScoreSet(images.parameters)
        self.scorer.gaussian_scores = [self.scorer.local]

    def fit_split(self, drawn: np.ndarray, seed: int) -> np.ndarray:
        """As a training with --calibration split; returns the scores of the calibration images."""
        train, validation, calibration = (drawn[part] for part in hold_out(len(drawn), seed))
        if len(validation) < FEW:
            both = np.concatenate([train, validation])
            seen = at(self.images.good, both)
            self.scorer.fit_in_folds([seen], folds_of(len(both), FOLDS, seed), self.images.outputs)
        else:
            features = in_numpy(self.scorer.features(at(self.images.good, train)))
            self.scorer.fit_statistics([features], self.images.outputs)
            self.scorer.fit_standards([self._parts(at(self.images.good, validation))])
        return self.scores(at(self.images.good, calibration))

    def fit_folds(self, drawn: np.ndarray, folds: int, seed: int) -> np.ndarray:
        """As a training with --calibration folds; returns the scores of all images by the folds without them."""
        seen = at(self.images.good, drawn)
        parts = self.scorer.fit_in_folds([seen], folds_of(len(drawn), folds, seed), self.images.outputs)
        return self._scores(parts)

    def scores(self, outputs: Outputs) -> np.ndarray:
        """By the final statistics."""
        return self._scores(self._parts(outputs))

    def _parts(self, outputs: Outputs) -> Outputs:
        return in_numpy(self.scorer.part_outputs(None, outputs))

    def _scores(self, parts: Outputs) -> np.ndarray:
        return self.scorer.out_of_fold(parts, "combined", (32, 32))[0]


# === What came out ===


def grouped(rows: list[Row]) -> dict[tuple[str, int, str, float], np.ndarray]:
    """By data set, images, method and rate: false-alarm rate, nominal rate, share found of each draw, `(draws, 3)`."""
    found: dict[tuple[str, int, str, float], list[tuple[float, float, float]]] = {}
    for data, count, _, method, rate, nominal, _, alarms, held_out, hits, bad, *_ in rows:
        key = (data, int(count), method, float(rate))
        found.setdefault(key, []).append((int(alarms) / int(held_out), float(nominal), int(hits) / int(bad)))
    return {key: np.array(values) for key, values in found.items()}


def summarise(rows: list[Row]) -> None:
    """Prints, for each rate, number of images and method, what came out over all sets and draws."""
    found = grouped(rows)
    print("| asked for | images | method | promised | false alarms, mean | of a draw, 5 to 95 % | worst set | found |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rate in RATES:
        for count in sorted({key[1] for key in found}):
            for method in dict.fromkeys(key[2] for key in found if key[1] == count):
                sets = [values for key, values in found.items() if key[1:] == (count, method, rate)]
                alarms, nominal, hits = np.mean([values.mean(axis=0) for values in sets], axis=0)
                low, high = np.quantile(np.concatenate(sets)[:, 0], [0.05, 0.95])
                worst = max(values[:, 0].mean() for values in sets)
                cells = [f"{100 * nominal:.1f} %", f"{100 * alarms:.1f} %", f"{100 * low:.0f} to {100 * high:.0f} %",
                         f"{100 * worst:.1f} %", f"{100 * hits:.0f} %"]  # fmt: skip
                print(f"| {100 * rate:g} % | {count} | {method} | {' | '.join(cells)} |")


def draw_figure(rows: list[Row], path: Path) -> None:
    """The realised rate beside the nominal one, for each number of images; a dot a data set, a line their mean."""
    import matplotlib
    from matplotlib.figure import Figure

    from piade_tf.report.palette import LIGHT

    found = grouped(rows)
    with matplotlib.rc_context(LIGHT.style), replacing(path) as temporary:
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        for axes, rate in zip(figure.subplots(1, 2), RATES, strict=True):
            methods = dict.fromkeys(key[2] for key in found)
            for place, method in enumerate(methods):
                counts = sorted({key[1] for key in found if key[2] == method})
                means = []
                for count in counts:
                    sets = [100 * v[:, 0].mean() for key, v in found.items() if key[1:] == (count, method, rate)]
                    axes.plot([count * 1.06 ** (place - 1.5)] * len(sets), sets, ".", color=f"C{place}", alpha=0.5)
                    means.append(np.mean(sets))
                axes.plot(counts, means, color=f"C{place}", label=method)
            axes.axhline(100 * rate, color="grey", linewidth=0.8, linestyle="--")
            axes.set_xscale("log")
            axes.set_xticks(COUNTS, list(map(str, COUNTS)))
            axes.minorticks_off()
            axes.set(xlabel="good images", ylabel="false alarms, %", title=f"{100 * rate:g} % asked for")
            axes.set_ylim(bottom=0)
        axes.legend(fontsize="small")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary)


if __name__ == "__main__":
    main()
