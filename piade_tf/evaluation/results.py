"""A labelled split, scored, with examples to show."""

import dataclasses

import keras
import numpy as np

from piade_tf.data import LabelledSplit
from piade_tf.evaluation.picked_examples import EXAMPLES, Examples, pick_examples
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.evaluation.scored_split import Scored, score_split
from piade_tf.workers import ALONE, Workers


@dataclasses.dataclass(frozen=True)
class Results:
    """A split, scored.

    Attributes:
        scored: the scores.
        pixels: counts of the pixels of its anomaly maps, by class; empty without masks.
        examples: some images with what the detector makes of them.
        own_pixels: counts of those in the masks' own size; nothing where that is the network's, or without masks.
    """

    scored: Scored
    pixels: dict[str, PixelMetrics]
    examples: Examples
    own_pixels: PixelMetrics = dataclasses.field(default_factory=PixelMetrics)


def labelled_results(
    inspection: keras.Model,
    split: LabelledSplit,
    batch_size: int,
    ssim_window: int,
    seed: int,
    instead: tuple[LabelledSplit, np.ndarray] | None = None,
    workers: Workers = ALONE,
) -> Results:
    """Scores a split in bounded memory, and picks examples to show.

    Args:
        inspection: as `ScoreSet.inspection_model` gives it.
        split: labelled images, perhaps none.
        batch_size: images at a time.
        ssim_window: side of the SSIM window in pixels.
        seed: of the choice of the examples.
        instead: a split and its scores; examples are picked from it where `split` has no images.
        workers: that share the images; each picks the same examples.
    """
    pixels: dict[str, PixelMetrics] = {}
    own_pixels = PixelMetrics()
    scored = score_split(inspection, split, batch_size, pixels, own_pixels, workers)
    shown, scores = (split, scored.pred_score) if split.count or instead is None else instead
    examples = pick_examples(inspection, shown, scores, EXAMPLES, ssim_window, seed)
    return Results(scored, pixels, examples, own_pixels)
