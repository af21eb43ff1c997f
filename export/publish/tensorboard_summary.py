"""The table of the export for TensorBoard, as a log of its own beside those of the training."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from export.publish.model_card import table
from export.publish.table import explanation, rejections, rows


def write_log(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the text `export/table`: nothing that would be a chart of one point among those of the training.

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
