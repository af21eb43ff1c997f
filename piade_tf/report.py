"""What a training prints before and after."""

from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from piade_tf.config import Config
from piade_tf.data import DataSplits

METRICS = {"image_AUROC": "image AUROC", "image_AUPR": "image AUPR", "image_F1Max": "image F1Max"}


def show_start(config: Config, data: DataSplits, network: keras.Model, path: Path) -> None:
    """Prints what is trained on what."""
    height, width, channels = data.image_shape
    for warning in data.warnings:
        print(f"warning: {warning}")
    print(f"Found: {data.layout}.")
    print(
        f"{config.data.dataset}, normal: {data.normal_class}. {data.train.count} images to train on, "
        f"{data.validation.count} for validation, {data.calibration.count} for calibration, {data.test.count} to test."
    )
    print(
        f"{config.preset} network for {height}x{width}x{channels} images: {network.count_params():,} parameters. "
        f"Run directory: {path}",
        flush=True,
    )


def show_end(metrics: dict[str, Any], path: Path) -> None:
    """Prints the metrics as a table, and where the run directory is."""
    table = Table("metric", "value")
    table.columns[1].justify = "right"
    for key, name in METRICS.items():
        table.add_row(name, _decimal(metrics[key]))
    for name, value in (metrics["image_AUROC_by_score"] or {}).items():
        table.add_row(f"image AUROC of {name}", _decimal(value))
    table.add_row("test images, normal", str(metrics["n_normal"]))
    table.add_row("test images, anomalous", str(metrics["n_anomalous"]))
    table.add_row("training, seconds", str(metrics["train_seconds"]))
    Console().print(table)
    print(f"Run directory: {path}")


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
