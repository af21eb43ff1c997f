"""The formats, and what each must keep of the Keras model."""

import dataclasses
from typing import Literal

from piade_tf.config import FormatName

REJECTED_FOLDER = "rejected"  # for files outside their tolerance
RANKS = 0.95
MEDIAN = 0.25  # a file that rounds was measured at 0.08 at most, one with a mistake in it mostly far above


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The most that a file may differ from the run besides its verdicts. None: not asked for.

    Attributes:
        score_error: beside the distance from normal scores to the threshold, see `score_errors`, of 95 % of the images.
        median_score_error: the same of half of the images.
        rank_correlation: least Spearman correlation of the scores; a file is rejected where even its upper bound is
            less.
        integers_only: whether there may be no tensor of floats, at the ends neither.
    """

    score_error: float | None = None
    median_score_error: float | None = None
    rank_correlation: float | None = None
    integers_only: bool = False


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        summary: in a few words, for people.
        tolerance: what it must keep.
        integer: what is in integers: `weights`; `static`, also the activations of convolutions; `throughout`,
            everything, and the score is computed outside; or None.
    """

    summary: str
    tolerance: Tolerance
    integer: Literal["weights", "static", "throughout"] | None = None


FORMATS: dict[FormatName, Format] = {
    "saved_model": Format("TensorFlow SavedModel", Tolerance(score_error=1e-4)),
    "float32": Format("LiteRT, floats", Tolerance(score_error=1e-3)),
    "float16": Format("LiteRT, half-precision weights", Tolerance(median_score_error=MEDIAN, rank_correlation=RANKS)),
    "dynamic_int8": Format(
        "LiteRT, 8-bit weights, activation ranges found at run time",
        Tolerance(median_score_error=MEDIAN, rank_correlation=RANKS),
        "weights",
    ),
    "int8": Format(
        "LiteRT, convolutions in 8-bit integers, routing and score in floats",
        Tolerance(median_score_error=MEDIAN, rank_correlation=RANKS),
        "static",
    ),
    "int8_full": Format(
        "LiteRT, integers throughout, score computed outside and timed with it",
        Tolerance(median_score_error=MEDIAN, rank_correlation=RANKS, integers_only=True),
        "throughout",
    ),
}
