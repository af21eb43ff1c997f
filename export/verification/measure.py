"""What a file does on images, measured in a process of its own."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np

from export.refusal import CannotRun
from piade_tf.temporary import temporary_folder

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 120.0, 5.0  # seconds for a file, and for each image besides, after which it is taken to hang


@dataclasses.dataclass(frozen=True)
class Measured:
    """What `export.verification.verify` found.

    Attributes:
        pred_score: `(n,)`.
        map_max, map_mean: of each anomaly map, `(n,)`.
        reconstruction_mean: `(n,)`, 0 to 255.
        timings: milliseconds an image of single calls, which take a batch each, `(threads, calls)`.
        peak_bytes: memory that loading and running added.
    """

    pred_score: np.ndarray
    map_max: np.ndarray
    map_mean: np.ndarray
    reconstruction_mean: np.ndarray
    timings: np.ndarray
    peak_bytes: int

    def part(self, place: slice) -> "Measured":
        """The same for some of the images."""
        columns = ("pred_score", "map_max", "map_mean", "reconstruction_mean")
        return dataclasses.replace(self, **{name: getattr(self, name)[place] for name in columns})


def measure(
    file: Path, images: Path, longest: tuple[float, float] = LONGEST, size: tuple[int, int] | None = None
) -> Measured:
    """Runs `export.verification.verify`.

    Args:
        file: a LiteRT file, or the version folder of a SavedModel.
        images: `.npy`, `(n, height, width, channels)`, uint8.
        longest: seconds until it is ended, for the file and for each image besides.
        size: height and width of the images before their middle was cut out, for a file that prepares them itself.

    Raises:
        CannotRun: the file cannot be loaded or run, takes too long, or its scores are not finite.
        OSError: the results cannot be written.
    """
    with temporary_folder() as folder:
        result = folder / "result.npz"
        command = [
            sys.executable,
            "-m",
            "export.verification.verify",
            *(str(path.resolve()) for path in (file, images)),
            str(result),
            *map(str, size or ()),
        ]
        seconds = longest[0] + longest[1] * len(np.load(images, mmap_mode="r"))
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise CannotRun(f"cannot be run (it was ended after {seconds:.0f} seconds without a result)") from None
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"])[-1]
            if reason.startswith("OSError: [Errno"):  # a full disk is not the file's fault
                raise OSError(reason)
            raise CannotRun(f"cannot be run ({reason[:200]})")
        with np.load(result, allow_pickle=False) as arrays:
            columns = dict(arrays.items())
    if not np.isfinite([columns["pred_score"], columns["map_max"]]).all():
        raise CannotRun("has scores that are not finite")
    return Measured(**{**columns, "peak_bytes": int(columns["peak_bytes"])})
