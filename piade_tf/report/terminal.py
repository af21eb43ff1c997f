"""What a training prints before and after."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from piade_tf.data import DataSplits
from piade_tf.data.known_images import KnownImage
from piade_tf.evaluation.threshold import Threshold, explain
from piade_tf.program import command
from piade_tf.report.page_text import ends

METRICS = {
    **{"image_AUROC": "image AUROC", "image_AUPR": "image AUPR", "image_F1Max": "image F1Max"},
    **{"pixel_AUROC": "pixel AUROC", "pixel_AUPR": "pixel AUPR", "pixel_AUPRO": "pixel AUPRO"},
    "pixel_AUROC_own_size": "pixel AUROC, masks in their own size",
    "pixel_AUPR_own_size": "pixel AUPR, masks in their own size",
    "pixel_AUPRO_own_size": "pixel AUPRO, masks in their own size",
}
FEW = 0.5  # of the anomalous test images found at the threshold
RUN = "Run directory"
METRICS_OF_TRAINING = {"train_seconds": "training, seconds", "epochs": "epochs"}


def show_start(title: str, data: DataSplits, network: keras.Model, path: Path, devices: str, in_folds: bool) -> None:
    """Prints what is trained on what, and where; `in_folds`, how the threshold is chosen."""
    height, width, channels = data.image_shape
    for warning in data.warnings:
        print(f"warning: {warning}")
    print(f"Found: {data.layout}.")
    print(
        f"{title}, normal: {data.normal_class}. {data.train.count} images to train on, "
        f"{data.validation.count} for validation, {data.calibration.count} for calibration, {data.test.count} to test."
    )
    if in_folds:
        good = data.train.count + data.validation.count + data.calibration.count
        print(f"All {good} set the threshold and enter the statistics: each is scored in folds without itself.")
    print(
        f"Network for {height}x{width}x{channels} images: {network.count_params():,} parameters. Run directory: {path}"
    )
    print(devices, flush=True)


def show_next(path: Path) -> None:
    """Prints the two commands that come next: to score photographs, and for the files for phones."""
    run = shlex.quote(str(path))
    print(f"\nNext, score photographs:  {command('predict')} {run} PHOTOS --heatmaps heatmaps")
    files = sorted(path.glob("export/*.tflite"), key=lambda file: (file.stem != "int8", file.stem))
    if files:
        print(f"and see a phone's file:   {command('show')} {shlex.quote(str(files[0]))}")
    else:
        print(f"and make phones' files:   {command('export')} {run}")


def show_odd(known: Sequence[KnownImage], threshold: Threshold) -> None:
    """Names the good image that stands apart, where one does."""
    if threshold.apart:
        scored = [(one.pred_score, one.image) for one in known if one.pred_score is not None]
        (score, image), (next_score, _) = sorted(scored, reverse=True)[:2]
        print(
            f"note: {image} scores {score:.4g}, far above all other good images (the next {next_score:.4g}). It does "
            "not set the threshold; look whether it is good."
        )


def show_end(metrics: dict[str, Any], threshold: Threshold, path: Path, what: str = RUN) -> None:
    """Prints the metrics as a table, what the threshold promises, and where `what` is."""
    table = Table("metric", "value (95 % interval)")
    table.columns[1].justify = "right"
    for key, name in METRICS.items():
        if metrics.get(key) is not None:
            interval = metrics["intervals"].get(key)
            note = f" ({ends(interval, 4)})" if interval else ""
            table.add_row(name, f"{metrics[key]:.4f}{note}")
    for name, value in (metrics["image_AUROC_by_score"] or {}).items():
        table.add_row(f"image AUROC of {name}", f"{value:.4f}")
    table.add_row("test images, normal", str(metrics["n_normal"]))
    table.add_row("test images, anomalous", str(metrics["n_anomalous"]))
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
    Console().print(table)
    for warning in metrics.get("warnings", []):
        print(f"warning: {warning}")
    for reason in dict.fromkeys(metrics["reasons"].values()):
        missing = ", ".join(name for name, why in metrics["reasons"].items() if why == reason)
        print(f"Not available: {missing}: {reason}.")
    print(explain(threshold))
    if what == RUN and metrics["n_anomalous"] and counts["TPR"] < FEW:
        others = f"{command('threshold')} {shlex.quote(str(path))}"
        print(f"It finds few of the anomalies; see what others would find: {others}")
    print(f"Report: {path / 'report.html'}")
    print(f"{what}: {path}")
