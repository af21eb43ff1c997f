"""The tables of speed.csv, speed_cost.csv and training_profile.csv."""

import re

from benchmarks.speed_networks import WITHOUT_ONEDNN
from benchmarks.table_parts import Row, grouped, read, table

NETWORK, SCORED = "network-", "scored-"
NAMES = {"pytorch": "PyTorch, eager", "onnxruntime": "ONNX Runtime", "keras": "Keras' `model(x)`",
         "tf.function": "Keras in a `tf.function`"}  # fmt: skip
KINDS = {
    "convolutions": "Conv2D|Conv2d",
    "batch normalisation": "FusedBatchNorm",
    "matrix products": "MatMul",
    "noise on the images": "Random",
    "element by element, sums, copies": "",
}
PROFILED = "128x128x3"
PARTS = ("forward", "gradients", "other")


def speed_training() -> str:
    """For each network images per second of ours and of PyTorch, and how near both come to a product of matrices."""
    header = ("network", "PIADE-TF, images/s", "PyTorch, images/s", "ratio (least to most of the rounds)",
              "GFLOP of a step", "of the matrix product, PIADE-TF", "PyTorch")  # fmt: skip
    lines = []
    for rows in by_comparison("training").values():
        ours, torch = rows["ours"], rows["pytorch"]
        lines.append(
            (
                f"`{ours['network']}`, {ours['image']}, batch {ours['batch']}",
                *(f"{float(row['images_per_second']):.4g}" for row in (ours, torch)),
                ratio(ours),
                f"{2e-9 * int(ours['multiply_adds']):.3g}",
                *(f"{float(row['share_of_product']):.0%}" for row in (ours, torch)),
            )
        )
    return table(header, lines)


def speed_inference() -> str:
    """For each candidate milliseconds of an image on one thread, and in brackets how many times PyTorch's speed."""
    found = by_comparison("inference")
    header = [f"`{network}`, {image}, batch {batch}" for _, network, image, batch in found]
    lines = []
    for candidate in dict.fromkeys(name for rows in found.values() for name in rows):
        if not candidate.startswith(SCORED) and candidate != "product":
            lines.append((named(candidate), *(_milliseconds(rows.get(candidate)) for rows in found.values())))
    return table(("the network alone", *header), lines)


def speed_scored() -> str:
    """For each file with its score milliseconds of an image on one thread, and in brackets beside `float32`."""
    found = {key: rows for key, rows in by_comparison("inference").items() if f"{SCORED}float32" in rows}
    header = [f"`{network}`, {image}" for _, network, image, _ in found]
    lines = []
    for candidate in dict.fromkeys(name for rows in found.values() for name in rows if name.startswith(SCORED)):
        cells = []
        for rows in found.values():
            seconds, of_float = (float(rows[name]["seconds"]) for name in (candidate, f"{SCORED}float32"))
            cells.append(f"{1000 * seconds:.3g} ({seconds / of_float:.2f})")
        lines.append((named(candidate), *cells))
    return table(("with its score, batch 1", *header), lines)


def speed_cost() -> str:
    """For each size and number of images seconds and milliseconds of an image."""
    header = ("images", "statistics", "of an image", "scores", "of an image", "peak memory")
    lines = []
    for row in read("speed_cost.csv"):
        cells = []
        for step in ("statistics", "scores"):
            seconds = float(row[f"{step}_seconds"])
            cells += [f"{seconds:.3g} s", f"{1000 * seconds / int(row['images']):.3g} ms"]
        lines.append(
            (f"{int(row['images']):,} of {row['side']}x{row['side']}", *cells, f"{int(row['peak_MiB']):,} MiB")
        )
    return table(header, lines)


def training_profile() -> str:
    """For each kind of operation milliseconds of a step, by part of the step, and its share."""
    rows = [row for row in read("training_profile.csv") if row["image"] == PROFILED]
    spent: dict[str, dict[str, float]] = {kind: dict.fromkeys(PARTS, 0.0) for kind in KINDS}
    for row in rows:
        kind = next(kind for kind, pattern in KINDS.items() if re.search(pattern, row["operation"]))
        spent[kind][row["part"]] += float(row["ms_of_a_step"])
    whole = sum(sum(parts.values()) for parts in spent.values())
    lines = [
        (kind, *(f"{parts[part]:.1f}" for part in PARTS), f"{sum(parts.values()) / whole:.0%}")
        for kind, parts in spent.items()
    ]
    return table(("milliseconds of a step", "network and loss", "gradients", "optimizer, batches", "share"), lines)


def by_comparison(what: str) -> dict[tuple[str, str, str, str], dict[str, Row]]:
    """The rows of each comparison by their candidate."""
    found: dict[tuple[str, str, str, str], dict[str, Row]] = {}
    for row in grouped(read("speed.csv"), "what").get(what, []):
        key = row["what"], row["network"], row["image"], row["batch"]
        found.setdefault(key, {})[row["candidate"]] = row
    return found


def named(candidate: str) -> str:
    """As people say it."""
    name = candidate.removeprefix(NETWORK).removeprefix(SCORED)
    if name.endswith(WITHOUT_ONEDNN):
        return f"`{name.removesuffix(WITHOUT_ONEDNN)}` without oneDNN"
    return NAMES.get(name, f"`{name}`")


def ratio(row: Row) -> str:
    """`1.31 (1.28 to 1.33)`."""
    median, least, most = (float(row[name]) for name in ("ratio_to_pytorch", "least_ratio", "most_ratio"))
    return f"{median:.2f} ({least:.2f} to {most:.2f})"


def _milliseconds(row: Row | None) -> str:
    if row is None:
        return "-"
    milliseconds = 1000 * float(row["seconds"]) / int(row["batch"])
    return f"{milliseconds:.3g} ({float(row['ratio_to_pytorch']):.2f})"


TABLES = {
    function.__name__: function
    for function in (speed_training, training_profile, speed_inference, speed_scored, speed_cost)
}
