"""What a training prints before and after."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from piade_tf.data import DataSplits
from piade_tf.data.known_images import GOOD, KnownImage
from piade_tf.evaluation.threshold import Threshold, explain, fit_threshold
from piade_tf.program import command, path_word
from piade_tf.report.page_text import ends

METRICS = {
    **{"image_AUROC": "image AUROC", "image_AUPR": "image AUPR", "image_F1Max": "image F1Max"},
    **{"pixel_AUROC": "pixel AUROC", "pixel_AUPR": "pixel AUPR", "pixel_AUPRO": "pixel AUPRO"},
    "pixel_AUROC_own_size": "pixel AUROC, masks in their own size",
    "pixel_AUPR_own_size": "pixel AUPR, masks in their own size",
    "pixel_AUPRO_own_size": "pixel AUPRO, masks in their own size",
}
FAR_OUT = 3  # interquartile ranges
NAMED = 5  # images
FEW = 0.5  # of the anomalous test images found at the threshold
RUN = "Run directory"
IN_FOLDS = (
    "Each good image serves twice: the statistics of what is normal have them all, and for the threshold each is "
    "scored by statistics of the others, fold by fold."
)
METRICS_OF_TRAINING = {"train_seconds": "training, seconds", "epochs": "epochs"}


def show_start(title: str, data: DataSplits, network: keras.Model, path: Path, devices: str, in_folds: bool) -> None:
    """Prints what is trained on what, and where; `in_folds`, how the threshold is chosen."""
    height, width, channels = data.image_shape
    for warning in data.warnings:
        print(f"warning: {warning}")
    print(f"Found: {data.layout}.")
    print(f"{title}, normal: {data.normal_class}. {_good_images(data, in_folds)}. {data.test.count} to test.")
    if in_folds:
        print(IN_FOLDS)
    print(
        f"Network for {height}x{width}x{channels} images: {network.count_params():,} parameters. Run directory: {path}"
    )
    print(devices, flush=True)


def _good_images(data: DataSplits, in_folds: bool) -> str:
    train, validation, calibration = (getattr(data, name).count for name in GOOD)
    if in_folds:
        return (
            f"{train + validation + calibration} good images: the network trains on {train}, is watched on "
            f"{validation} and never sees {calibration}"
        )
    return f"{train} images to train on, {validation} for validation, {calibration} for calibration"


def show_next(path: Path) -> None:
    """Prints the two commands that come next: to score photographs, and for the files for phones."""
    run = path_word(path)
    print(f"\nNext, score photographs:  {command('predict')} {run} PHOTOS --heatmaps heatmaps")
    files = sorted(path.glob("export/*.tflite"), key=lambda file: (file.stem != "int8", file.stem))
    if files:
        print(f"and see a phone's file:   {command('show')} {path_word(files[0])}")
    else:
        print(f"and make phones' files:   {command('export')} {run}")


def show_odd(known: Sequence[KnownImage], threshold: Threshold) -> None:
    """Names the good images that are far out, if any, and says what the threshold would be without them.

    Far out: more than three interquartile ranges above the third quartile (Tukey, "Exploratory Data Analysis", 1977).
    """
    scored = sorted(((one.pred_score, one.image) for one in known if one.pred_score is not None), reverse=True)
    scores = np.array([score for score, _ in scored])
    first, third = np.quantile(scores, (0.25, 0.75))
    odd = [f"{image} {score:.3g}" for score, image in scored if score > third + FAR_OUT * (third - first)]
    if not odd:
        return
    named = ", ".join(odd[:NAMED]) + (f" and {len(odd) - NAMED} more" if len(odd) > NAMED else "")
    how_many = "1 good image scores" if len(odd) == 1 else f"{len(odd)} good images score"
    said = (
        f"note: of {len(scores)}, {how_many} far above the others: {named}. "
        f"Look whether {'it is' if len(odd) == 1 else 'they are'} good"
    )
    if len(odd) == threshold.apart:
        said += "; the threshold is without it"
    elif threshold.method == "fpr" and len(odd) < len(scores):
        without = fit_threshold("fpr", threshold.wanted_fpr or 0.5, scores[len(odd) :], folds=threshold.folds)
        said += f"; without {'it' if len(odd) == 1 else 'them'} the threshold would be near {without.value:.3g}"
    print(f"{said}.")


def show_end(metrics: dict[str, Any], threshold: Threshold, path: Path, what: str = RUN) -> None:
    """Prints the metrics as a table, what the threshold promises, and where `what` is."""
    if not (metrics["n_normal"] or metrics["n_anomalous"]):
        print(
            "No metrics: there are no test images. Good ones in test/good and defects in test/DEFECT would give them."
        )
        metrics = metrics | {"reasons": {}}
    else:
        Console().print(_metrics_table(metrics))
    for warning in metrics.get("warnings", []):
        print(f"warning: {warning}")
    for reason in dict.fromkeys(metrics["reasons"].values()):
        missing = ", ".join(name for name, why in metrics["reasons"].items() if why == reason)
        print(f"Not available: {missing}: {reason}.")
    print(explain(threshold))
    if what == RUN and metrics["n_anomalous"] and metrics["at_threshold"]["TPR"] < FEW:
        others = f"{command('threshold')} {path_word(path)}"
        print(f"It finds few of the anomalies; see what others would find: {others}")
    print(f"Report: {path / 'report.html'}")
    print(f"{what}: {path}")


def _metrics_table(metrics: dict[str, Any]) -> Table:
    """A row for each metric that there is."""
    table = Table("metric", "value (95 % interval)")
    table.columns[1].justify = "right"
    for key, name in METRICS.items():
        if metrics.get(key) is not None:
            interval = metrics["intervals"].get(key)
            note = f" ({ends(interval, 4)})" if interval else ""
            table.add_row(name, f"{metrics[key]:.4f}{note}")
    for name, value in (metrics["image_AUROC_by_score"] or {}).items():
        table.add_row(f"image AUROC of {name}", f"{value:.4f}")
    for kind in ("normal", "anomalous"):
        if metrics[f"n_{kind}"]:
            table.add_row(f"test images, {kind}", str(metrics[f"n_{kind}"]))
    counts = metrics.get("at_threshold", {})
    for kind, name, count, rate in (
        ("n_normal", "false alarms", "FP", "FPR"),
        ("n_anomalous", "anomalies found", "TP", "TPR"),
    ):
        if metrics[kind]:
            shown = f"{counts[rate]:.4f} ({ends(metrics['intervals']['at_threshold'][rate], 4)})"
            table.add_row(f"{name} at the threshold", f"{counts[count]} of {metrics[kind]}: {shown}")
    for key in ("train_seconds", "epochs"):
        if key in metrics:
            table.add_row(METRICS_OF_TRAINING[key], str(metrics[key]))
    return table
