"""Options of `piade export` and `piade show`."""

import dataclasses
import typing
from pathlib import Path
from typing import Annotated

import tyro

from piade_tf.config import ALL_FORMATS, FormatName


@dataclasses.dataclass(frozen=True)
class Export:
    """Export a run to files for the phone; each ships if it gives the run's verdicts.

    piade export RUN

    piade export RUN --formats float32 int8

    piade show FILE

    Exit code 3 if a file differed too much or could not be run; export/rejected/ then says why. The others ship.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory that a training made. RUN/export is replaced when all is done."""
    formats: Annotated[
        tuple[FormatName, ...], tyro.conf.arg(metavar="FORMAT [FORMAT ...]", help_behavior_hint=ALL_FORMATS)
    ] = typing.get_args(FormatName)
    """saved_model: for TensorFlow and TF Serving. float32, float16: LiteRT in floats. dynamic_int8: 8-bit weights.
    int8: convolutions in 8-bit integers. int8_full: integers throughout, for NPUs and microcontrollers; the score is
    computed outside."""
    tolerance: float | None = None
    """A file is rejected if surely more than this share of its verdicts, 0 to 1, differ from the run's on images that
    are not labelled. Left out: what other calibration images would change as well, but at least 0.02."""
    batch: Annotated[int, tyro.conf.arg(name="batch-size", aliases=("--batch",))] = 1
    """Images that a file takes at a time. Only 1 is handed to all delegates in one piece."""
    input_size: typing.Literal["fixed", "free"] = "fixed"
    """free: the SavedModel takes images of any size and resizes them itself."""
    data_dir: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the images of the run are now. Left out: where they were."""


@dataclasses.dataclass(frozen=True)
class Show:
    """Show what an exported file says of itself, and whether it is still as it was exported.

    piade show runs/NAME/export/int8.tflite
    """

    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """A .tflite file."""
    json: bool = False
    """Print everything that the file holds, as JSON."""
