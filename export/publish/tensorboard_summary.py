"""The table of the export for TensorBoard, as a log of its own beside those of the training."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from export.publish.manifest import is_measured
from export.publish.model_card import table
from export.publish.table import explanation, rejections, rows


def write_log(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the text `export/table`, and for each format `export/KiB/NAME`, `export/ms_1_thread/NAME` and
    `export/image_AUROC/NAME`, the last where there are labelled anomalies.

    Args:
        folder: made where it is missing.
        manifest: the content of `manifest.json`.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    try:
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(step=0):
            _write(manifest)
        writer.close()
    except tf.errors.OpError as error:  # says on the first line: what failed; why
        raise OSError(error.message.splitlines()[0].rpartition("; ")[2]) from None


def _write(manifest: dict[str, Any]) -> None:
    header, *files = rows(manifest)
    reasons = "\n".join(f"- {name} {reason}" for name, reason in rejections(manifest))
    tf.summary.text("export/table", "\n\n".join([table(header, files), explanation(manifest), reasons]))
    for name, entry in manifest["files"].items():
        if is_measured(entry):
            tf.summary.scalar(f"export/KiB/{name}", entry["bytes"] / 1024)
            tf.summary.scalar(f"export/ms_1_thread/{name}", entry["latency_ms"]["1_thread"]["median"])
            if entry["image_AUROC"] is not None:
                tf.summary.scalar(f"export/image_AUROC/{name}", entry["image_AUROC"])
