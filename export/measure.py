"""What a file does on images, measured in a process of its own."""

import dataclasses
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from piade_tf.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Measured:
    """What `export.verify` found.

    Attributes:
        pred_score: `(n,)`.
        map_max, map_mean: of each anomaly map, `(n,)`.
        reconstruction_mean: `(n,)`, 0 to 255.
        latent: `(n, dim)`.
        timings: milliseconds of single calls, `(threads, calls)`.
        peak_bytes: memory that loading and running added.
    """

    pred_score: np.ndarray
    map_max: np.ndarray
    map_mean: np.ndarray
    reconstruction_mean: np.ndarray
    latent: np.ndarray
    timings: np.ndarray
    peak_bytes: int

    def part(self, place: slice) -> "Measured":
        """The same for some of the images."""
        columns = ("pred_score", "map_max", "map_mean", "reconstruction_mean", "latent")
        return dataclasses.replace(self, **{name: getattr(self, name)[place] for name in columns})


def measure(file: Path, images: Path) -> Measured:
    """Runs `export.verify`.

    Args:
        file: a LiteRT file, or the version folder of a SavedModel.
        images: `.npy`, `(n, height, width, channels)`, uint8.

    Raises:
        InputError: the file cannot be loaded or run.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.npz")
        command = [
            sys.executable,
            "-m",
            "export.verify",
            *(str(path.resolve()) for path in (file, images)),
            str(result),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(f"{file.name} cannot be run ({reason[:200]})")
        with np.load(result, allow_pickle=False) as arrays:
            columns = dict(arrays.items())
    return Measured(**{**columns, "peak_bytes": int(columns["peak_bytes"])})
