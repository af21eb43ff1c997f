"""Tables of the grid: each class with its deviation over seeds, and each ablation against the default."""

import statistics
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.ablations import ABLATIONS, BASE
from benchmarks.paired import Difference, paired_difference
from benchmarks.table_parts import Row, mean_and_deviation, percent, read, spread, table

SHOWN_SCORES = ("combined", "reconstruction", "latent", "embedding", "local")


def of_classes(file: str, encoder: str) -> str:
    """Image AUROC of each class by score, mean and standard deviation over seeds, and the mean of the classes."""
    found = _Defaults(file, encoder)
    lines = []
    for score, column in found.columns.items():
        cells = [spread([row for row in found.rows if row["normal_class"] == name], column) for name in found.classes]
        lines.append((f"`{score}`", *cells, found.mean(column)))
    return table((f"{len({row['seed'] for row in found.rows})} seeds", *found.classes, "mean"), lines)


def of_many_classes(file: str, encoder: str) -> str:
    """As `of_classes`, where the classes are too many for columns of their own: their mean, and the lowest of them."""
    found = _Defaults(file, encoder)
    lines = []
    for score, column in found.columns.items():
        lowest = min(found.rows, key=lambda row: float(row[column]))
        at = f"{percent(float(lowest[column]))} ({lowest['normal_class']}, seed {lowest['seed']})"
        lines.append((f"`{score}`", found.mean(column), at))
    seeds = "1 seed" if len(found.seeds) == 1 else f"{len(found.seeds)} seeds"
    return table((f"{seeds} of {len(found.classes)} classes", "mean", "lowest"), lines)


class _Defaults:
    """The rows of `compact` as it is, with their classes, the seeds that have all of these, and a column by score."""

    def __init__(self, file: str, encoder: str):
        wanted = ("compact", encoder, BASE)
        self.rows = [row for row in read(file) if (row["preset"], row["encoder"], row["ablation"]) == wanted]
        self.classes = sorted({row["normal_class"] for row in self.rows})
        seeds = dict.fromkeys(row["seed"] for row in self.rows)
        self.seeds = [one for one in seeds if sum(row["seed"] == one for row in self.rows) == len(self.classes)]
        columns = {score: f"image_AUROC_{score}" for score in (*SHOWN_SCORES, "pooled")}
        self.columns = {score: column for score, column in columns.items() if any(row[column] for row in self.rows)}

    def mean(self, column: str) -> str:
        """Over classes; mean and deviation of that over seeds."""
        of_seeds = ([float(row[column]) for row in self.rows if row["seed"] == seed] for seed in self.seeds)
        return mean_and_deviation([statistics.mean(values) for values in of_seeds])


def of_ablations(file: str, encoder: str, score: str) -> str:
    """Image AUROC with each ablation, and how far it is from the default, paired by class and seed.

    Mean and standard deviation are those over seeds of the mean over classes.
    """
    rows = [row for row in read(file) if (row["preset"], row["encoder"]) == ("compact", encoder)]
    column = f"image_AUROC_{score}"
    base = _by_pair(rows, BASE)
    wanted = {pair for name in ABLATIONS if name != BASE for pair in _by_pair(rows, name)}
    lines = []
    for name, ablation in ABLATIONS.items():
        of_name = _by_pair(rows, name)
        pairs = [pair for pair in of_name if pair in base and pair in wanted]
        if not pairs:
            continue
        by_seed: dict[str, list[float]] = {}
        for pair in pairs:
            by_seed.setdefault(pair[1], []).append(float(of_name[pair][column]))
        means = [statistics.mean(values) for values in by_seed.values()]
        cells = (ablation.title, str(len(pairs)), mean_and_deviation(means))
        if name == BASE:
            lines.append((*cells, "", "", ""))
            continue
        differences = [float(of_name[pair][column]) - float(base[pair][column]) for pair in pairs]
        lines.append((*cells, *_shown(paired_difference(differences))))
    header = ("", "pairs", f"`{score}`", "against the default", "95 % interval", "p")
    return table(header, lines)


def _by_pair(rows: Sequence[Row], ablation: str) -> dict[tuple[str, str], Row]:
    return {(row["normal_class"], row["seed"]): row for row in rows if row["ablation"] == ablation}


def _shown(found: Difference) -> tuple[str, str, str]:
    if found.low is None or found.high is None or found.p is None:
        return f"{100 * found.mean:+.1f}", "-", "-"
    return f"{100 * found.mean:+.1f}", f"{100 * found.low:+.1f} to {100 * found.high:+.1f}", f"{found.p:.3f}"


FASHION, BOTTLE, MNIST, COIL = (f"grid_{name}.csv" for name in ("fashion_mnist", "bottle", "mnist", "coil100"))
TABLES: dict[str, Callable[[], str]] = {
    "grid_fashion_mnist_scratch": partial(of_classes, FASHION, "scratch"),
    "grid_mnist_scratch": partial(of_classes, MNIST, "scratch"),
    "grid_coil100_pretrained": partial(of_many_classes, COIL, "efficientnet_lite0"),
    "grid_fashion_mnist_pretrained": partial(of_classes, FASHION, "efficientnet_lite0"),
    **{
        f"ablations_{name}_{score}": partial(of_ablations, file, "scratch", score)
        for name, file in (("fashion_mnist", FASHION), ("bottle", BOTTLE))
        for score in ("reconstruction", "latent", "combined")
    },
}
