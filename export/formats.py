"""The formats, and what each must keep of the Keras model."""

import dataclasses
from typing import Literal

from piade_tf.config import FormatName

REJECTED_FOLDER = "rejected"  # for files outside their tolerance


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The most that a file may differ from the Keras model. None: not asked for.

    Attributes:
        score_error: of `pred_score`, relative to the larger of 1 and the score itself.
        auroc_loss: of `image_AUROC`, where there are labelled anomalies.
        rank_correlation: least Spearman correlation of the scores where there are none.
        vector_agreement: least share of images for which the same instantiation vector is decoded, where the score is
            that of the reconstruction; the others do not look at which one it is.
        size_ratio: bytes over those of `float32`, from a MiB on: in smaller models the graph itself weighs.
        integers_only: whether there may be no tensor of floats, at the ends neither.
    """

    score_error: float | None = None
    auroc_loss: float | None = None
    rank_correlation: float | None = None
    vector_agreement: float | None = None
    size_ratio: float | None = None
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
    "saved_model": Format("TensorFlow SavedModel", Tolerance(score_error=1e-5, rank_correlation=0.999)),
    "float32": Format("LiteRT, floats", Tolerance(score_error=1e-4, rank_correlation=0.999)),
    "float16": Format("LiteRT, half-precision weights", Tolerance(auroc_loss=0.001, rank_correlation=0.99)),
    "dynamic_int8": Format(
        "LiteRT, 8-bit weights, activation ranges found at run time",
        Tolerance(auroc_loss=0.002, rank_correlation=0.9, size_ratio=0.30),
        "weights",
    ),
    "int8": Format(
        "LiteRT, convolutions in 8-bit integers, routing and score in floats",
        Tolerance(auroc_loss=0.005, rank_correlation=0.9, vector_agreement=0.99, size_ratio=0.32),
        "static",
    ),
    "int8_full": Format(
        "LiteRT, integers throughout, score computed outside and timed with it",
        Tolerance(auroc_loss=0.01, rank_correlation=0.9, size_ratio=0.32, integers_only=True),
        "throughout",
    ),
}
