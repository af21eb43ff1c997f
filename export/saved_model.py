"""A TensorFlow SavedModel, in the folders that TF Serving expects."""

from pathlib import Path
from typing import Any

import keras

SIGNATURES = ("inspect", "serving_default")


def write_saved_model(folder: Path, graph: Any, function: Any) -> Path:
    """Writes `folder/1`, which loads with TensorFlow alone.

    Args:
        folder: made where it is missing; TF Serving wants versions, as numbers, inside.
        graph: has the `network` whose variables are used.
        function: a `tf.function` with a signature, the same behind every name in `SIGNATURES`.

    Returns:
        The folder of the version.
    """
    version = folder / "1"
    archive = keras.export.ExportArchive()
    archive.track(graph.network)
    for name in SIGNATURES:
        archive.add_endpoint(name, function)
    archive.write_out(str(version), verbose=False)
    (version / "fingerprint.pb").unlink(missing_ok=True)  # has a random number in it, and nothing reads it
    return version
