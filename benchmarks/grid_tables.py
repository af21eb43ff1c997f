"""Tables of the grid: each class with its deviation over seeds, and each ablation against the default."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.ablations import ABLATIONS, BASE
from benchmarks.grid_cell import PRETRAINED, SCRATCH
from benchmarks.paired import Difference, paired_difference
from benchmarks.table_parts import Row, mean_and_deviation, percent, read, spread, table

DEFAULT_SCORE = "combined"
NETWORKS = (
    ("`compact` from scratch", "compact", SCRATCH),
    ("`compact` behind the pretrained encoder", "compact", PRETRAINED),
    ("`paper`", "paper", SCRATCH),
)
SHOWN_SCORES = ("combined", "reconstruction", "latent", "embedding", "local")
ALL_SCORES = (*SHOWN_SCORES, "pooled")
WITHOUT_DECODER = ("combined", "local", "pooled")  # of classes behind a frozen encoder: the same after one epoch


def of_classes(file: str, encoder: str, ablation: str = BASE, scores: Sequence[str] = ALL_SCORES) -> str:
    """Image AUROC of each class by score, mean and standard deviation over seeds, and the mean of the classes."""
    found = _WholeSeeds(file, encoder, ablation, scores)
    lines = []
    for score, column in found.columns.items():
        cells = [spread([row for row in found.rows if row["normal_class"] == name], column) for name in found.classes]
        lines.append((f"`{score}`", *cells, found.mean(column)))
    return table((found.counted, *found.classes, "mean"), lines)


def of_many_classes(file: str, encoder: str) -> str:
    """As `of_classes`, where the classes are too many for columns of their own: their mean, and the lowest of them."""
    found = _WholeSeeds(file, encoder)
    lines = []
    for score, column in found.columns.items():
        lowest = min(found.rows, key=lambda row: float(row[column]))
        at = f"{percent(float(lowest[column]))} ({lowest['normal_class']}, seed {lowest['seed']})"
        lines.append((f"`{score}`", found.mean(column), at))
    return table((f"{found.counted} of {len(found.classes)} classes", "mean", "lowest"), lines)


class _WholeSeeds:
    """The rows of `compact`, as it is unless told otherwise, of the seeds that have all classes.

    Attributes:
        rows: of these seeds.
        classes: their names.
        seeds: that have all of them.
        counted: how many seeds, in words.
        columns: of image AUROC, by score.
    """

    def __init__(self, file: str, encoder: str, ablation: str = BASE, scores: Sequence[str] = ALL_SCORES):
        rows = list(_by_pair(read(file), "compact", encoder, ablation).values())
        self.classes = sorted({row["normal_class"] for row in rows})
        seeds = dict.fromkeys(row["seed"] for row in rows)
        self.seeds = [one for one in seeds if sum(row["seed"] == one for row in rows) == len(self.classes)]
        self.rows = [row for row in rows if row["seed"] in self.seeds]
        self.counted = "1 seed" if len(self.seeds) == 1 else f"{len(self.seeds)} seeds"
        columns = {score: f"image_AUROC_{score}" for score in scores}
        self.columns = {score: column for score, column in columns.items() if any(row[column] for row in self.rows)}

    def mean(self, column: str) -> str:
        """Over classes; mean and deviation of that over seeds."""
        of_seeds = ([float(row[column]) for row in self.rows if row["seed"] == seed] for seed in self.seeds)
        return mean_and_deviation([statistics.mean(values) for values in of_seeds])


def of_scores(file: str) -> str:
    """Image AUROC by score of the default from scratch, and how far each is from `combined`, paired by class.

    Mean and standard deviation are those of `of_classes`; a pair is a class, in the mean of its seeds.
    """
    found = _WholeSeeds(file, SCRATCH)
    by_class = {
        score: [
            statistics.mean(float(row[column]) for row in found.rows if row["normal_class"] == name)
            for name in found.classes
        ]
        for score, column in found.columns.items()
    }
    lines = []
    for score, column in found.columns.items():
        compared = ("", "", "")
        if score != DEFAULT_SCORE:
            of_pairs = zip(by_class[score], by_class[DEFAULT_SCORE], strict=True)
            compared = _shown(paired_difference([value - default for value, default in of_pairs]))
        lines.append((f"`{score}`", str(len(found.classes)), found.mean(column), *compared))
    return table(("", "pairs", "image AUROC", f"against `{DEFAULT_SCORE}`", "95 % interval", "p"), lines)


def of_ablations(file: str, score: str) -> str:
    """Image AUROC from scratch with each ablation, and how far it is from the default, paired by class and seed.

    Mean and standard deviation are those over seeds of the mean over classes. Of the default only pairs with an
    ablation count.
    """
    rows = read(file)
    variants = {name: _by_pair(rows, "compact", SCRATCH, name) for name in ABLATIONS}
    base = variants[BASE]
    wanted = {pair for name, of_name in variants.items() if name != BASE for pair in of_name} & set(base)
    column, lines = f"image_AUROC_{score}", []
    for name, of_name in variants.items():
        pairs = [pair for pair in of_name if pair in wanted]
        if not pairs:
            continue
        compared = ("", "", "")
        if name != BASE:
            differences = [float(of_name[pair][column]) - float(base[pair][column]) for pair in pairs]
            compared = _shown(paired_difference(differences))
        mean = _mean_over_seeds({pair: of_name[pair] for pair in pairs}, column)
        lines.append((ABLATIONS[name].title, str(len(pairs)), mean, *compared))
    header = ("", "pairs", f"`{score}`", "against the default", "95 % interval", "p")
    return table(header, lines)


def of_networks(file: str) -> str:
    """Image AUROC by score of each network as it is, over the classes and seeds that all of them have."""
    rows = read(file)
    networks = {title: _by_pair(rows, *network, BASE) for title, *network in NETWORKS}
    networks = {title: of_network for title, of_network in networks.items() if of_network}
    pairs = set.intersection(*(set(of_network) for of_network in networks.values()))
    lines = []
    for title, of_network in networks.items():
        shared = {pair: row for pair, row in of_network.items() if pair in pairs}
        cells = (_mean_over_seeds(shared, f"image_AUROC_{score}") for score in SHOWN_SCORES)
        lines.append((title, str(len(pairs)), *cells))
    return table(("", "pairs", *(f"`{score}`" for score in SHOWN_SCORES)), lines)


def of_promises() -> str:
    """False alarms on whole test splits, at the thresholds that trainings had set before, beside what these promise.

    The trainings of a class share its test images: the standard error of the difference is that over classes.
    """
    lines = []
    for file, title in SETS_OF_CLASSES.items():
        rows = [row for row in read(file) if row["ablation"] in (BASE, "one_epoch")]
        for encoder, how in ((SCRATCH, "from scratch"), (PRETRAINED, "pretrained encoder")):
            if found := [row for row in rows if row["encoder"] == encoder]:
                rates = [int(row["FP"]) / int(row["n_normal"]) for row in found]
                promised = [float(row["promised_fpr"]) for row in found]
                beyond: dict[str, list[float]] = {}
                for row, rate, bound in zip(found, rates, promised, strict=True):
                    beyond.setdefault(row["normal_class"], []).append(rate - bound)
                by_class = [statistics.mean(values) for values in beyond.values()]
                error = statistics.stdev(by_class) / math.sqrt(len(by_class))
                lines.append(
                    (
                        f"{title}, {how}",
                        str(len(found)),
                        percent(statistics.mean(promised)),
                        percent(statistics.mean(rates)),
                        f"{100 * statistics.mean(by_class):+.1f} +- {percent(error)}",
                        f"{percent(min(rates))} to {percent(max(rates))}",
                    )
                )
    header = ("", "trainings", "promised, %", "false alarms, %", "difference", "of a training, least to most")
    return table(header, lines)


def _mean_over_seeds(rows: Mapping[tuple[str, str], Row], column: str) -> str:
    """Of rows by class and seed: mean and deviation over seeds of the mean over classes."""
    by_seed: dict[str, list[float]] = {}
    for (_, seed), row in rows.items():
        by_seed.setdefault(seed, []).append(float(row[column]))
    return mean_and_deviation([statistics.mean(values) for values in by_seed.values()])


def _by_pair(rows: Sequence[Row], *network: str) -> dict[tuple[str, str], Row]:
    """The rows of a preset, an encoder and an ablation, by class and seed."""
    return {
        (row["normal_class"], row["seed"]): row
        for row in rows
        if (row["preset"], row["encoder"], row["ablation"]) == network
    }


def _shown(found: Difference) -> tuple[str, str, str]:
    if found.low is None or found.high is None or found.p is None:
        return f"{100 * found.mean:+.1f}", "-", "-"
    return f"{100 * found.mean:+.1f}", f"{100 * found.low:+.1f} to {100 * found.high:+.1f}", f"{found.p:.3f}"


FASHION, BOTTLE, MNIST, DIGITS, CIFAR, COIL = (
    f"grid_{name}.csv" for name in ("fashion_mnist", "bottle", "mnist", "digits", "cifar10", "coil100")
)
SETS_OF_CLASSES = {FASHION: "Fashion-MNIST", MNIST: "MNIST", CIFAR: "CIFAR-10", COIL: "COIL-100", DIGITS: "digits"}
TABLES: dict[str, Callable[[], str]] = {
    "promises_of_thresholds": of_promises,
    "grid_fashion_mnist_scratch": partial(of_classes, FASHION, SCRATCH),
    "grid_mnist_scratch": partial(of_classes, MNIST, SCRATCH),
    "grid_digits_scratch": partial(of_classes, DIGITS, SCRATCH),
    "grid_cifar10_scratch": partial(of_classes, CIFAR, SCRATCH),
    "grid_cifar10_pretrained": partial(of_classes, CIFAR, PRETRAINED, "one_epoch", WITHOUT_DECODER),
    "grid_coil100_pretrained": partial(of_many_classes, COIL, PRETRAINED),
    "grid_fashion_mnist_pretrained": partial(of_classes, FASHION, PRETRAINED),
    "scores_fashion_mnist": partial(of_scores, FASHION),
    "scores_mnist": partial(of_scores, MNIST),
    "networks_fashion_mnist": partial(of_networks, FASHION),
    "networks_bottle": partial(of_networks, BOTTLE),
    **{
        f"ablations_{name}_{score}": partial(of_ablations, file, score)
        for name, file in (("fashion_mnist", FASHION), ("bottle", BOTTLE))
        for score in ("reconstruction", "latent", "combined")
    },
}
