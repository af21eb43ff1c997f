"""What a training prints before and after."""

import shlex
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from piade_tf.data import DataSplits
from piade_tf.evaluation.threshold import Threshold, explain
from piade_tf.program import command

METRICS = {
    **{"image_AUROC": "image AUROC", "image_AUPR": "image AUPR", "image_F1Max": "image F1Max"},
    **{"pixel_AUROC": "pixel AUROC", "pixel_AUPR": "pixel AUPR", "pixel_AUPRO": "pixel AUPRO"},
}
METRICS_OF_TRAINING = {"train_seconds": "training, seconds", "epochs": "epochs"}


def show_start(title: str, data: DataSplits, network: keras.Model, path: Path, devices: str) -> None:
    """Prints what is trained on what, and where."""
    height, width, channels = data.image_shape
    for warning in data.warnings:
        print(f"warning: {warning}")
    print(f"Found: {data.layout}.")
    print(
        f"{title}, normal: {data.normal_class}. {data.train.count} images to train on, "
        f"{data.validation.count} for validation, {data.calibration.count} for calibration, {data.test.count} to test."
    )
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


def show_end(metrics: dict[str, Any], threshold: Threshold, path: Path, what: str = "Run directory") -> None:
    """Prints the metrics as a table, what the threshold promises, and where `what` is."""
    table = Table("metric", "value (95 % interval)")
    table.columns[1].justify = "right"
    for key, name in METRICS.items():
        if metrics.get(key) is not None:
            interval = metrics["intervals"].get(key)
            note = f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
            table.add_row(name, f"{metrics[key]:.4f}{note}")
    for name, value in (metrics["image_AUROC_by_score"] or {}).items():
        table.add_row(f"image AUROC of {name}", f"{value:.4f}")
    table.add_row("test images, normal", str(metrics["n_normal"]))
    table.add_row("test images, anomalous", str(metrics["n_anomalous"]))
    counts = metrics.get("at_threshold", {})
    if metrics["n_normal"]:
        low, high = metrics["intervals"]["at_threshold"]["FPR"]
        rate = f"{counts['FPR']:.4f} ({low:.4f} to {high:.4f})"
        table.add_row("false alarms at the threshold", f"{counts['FP']} of {metrics['n_normal']}: {rate}")
    if metrics["n_anomalous"]:
        rate = f"{counts['TPR']:.4f}"
        table.add_row("anomalies found at the threshold", f"{counts['TP']} of {metrics['n_anomalous']}: {rate}")
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
    print(f"Report: {path / 'report.html'}")
    print(f"{what}: {path}")
