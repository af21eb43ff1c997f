"""What a file of integers throughout carries for its score: statistics in bytes, and where each of them is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from export.host_score.score import BLOCK_MAGIC
from layers.adaptive_average_pool import cell_weights
from piade_tf.config import ScoreName
from piade_tf.scoring.score_functions import PEAK_EMPHASIS, QUADRANTS, GaussianScore, Outputs
from piade_tf.scoring.score_set import ScoreSet

ALIGNMENT = 4  # bytes


def score_block(
    scorer: ScoreSet, chosen: ScoreName, outputs: Outputs, ssim_window: int
) -> tuple[dict[str, Any], bytes]:
    """A score as `HostScore` takes it.

    Args:
        scorer: fitted to the network of the file, as `refit` gives it.
        chosen: the score that decides.
        outputs: of the network; their shapes count.
        ssim_window: side of the SSIM window in pixels.

    Returns:
        `outside` of the metadata, and the block that its offsets point into.
    """
    block = _Block()
    combined = chosen == "combined"
    names = [part.name for part in scorer.combined.parts] if combined else [chosen]
    parts: dict[str, Any] = {}
    for name in names:
        mean, deviation = scorer.combined.standards[name] if combined else (0.0, 1.0)
        weight = scorer.combined.weights[name] if combined else 1.0
        score = scorer.scores[name]
        features = _features(score, outputs, block) if isinstance(score, GaussianScore) else {}
        finest = next(iter(features.values()))["places"] if name == "local" else None
        image = outputs["reconstruction"].shape[1:3]
        parts[name] = {
            "weight": weight,
            "mean": mean,
            "deviation": deviation,
            "features": features,
            "map": None if finest is None else _matrices(block, _bilinear, finest, image),
        }
    return {"score": chosen, "parts": parts, "exponent": PEAK_EMPHASIS, "ssim_window": ssim_window}, block.content


def _features(score: GaussianScore, outputs: Outputs, block: "_Block") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, sources in score.sources(outputs).items():
        mean, whitening = score.gaussians[name]
        sides = outputs[sources[-1]].shape[1:3]
        quadrants = [min(QUADRANTS, *sides)] * 2
        places = list(sides) if score.name == "local" else [1, 1]
        finest = next(iter(found.values()))["places"] if found else places
        found[name] = {
            "outputs": sources,
            "pool": {sources[-1]: _matrices(block, _average, sides, quadrants)} if score.name == "embedding" else {},
            "mean": block.add(mean),
            "whitening": block.add(whitening.astype("int8")),
            "step": block.add(score.steps[name]),
            "places": places,
            "spread": _matrices(block, _bilinear, places, finest),
        }
    return found


def _matrices(block: "_Block", weights: Callable, lengths: Sequence[int], sizes: Sequence[int]) -> dict[str, Any]:
    """Where the matrices are that bring the two axes of a map from `lengths` to `sizes`."""
    rows, columns = (weights(length, size) for length, size in zip(lengths, sizes, strict=True))
    return {"rows": block.add(rows), "columns": block.add(columns)}


def _average(length: int, size: int) -> np.ndarray:
    return cell_weights(length, size).T.astype("float32")


def _bilinear(length: int, size: int) -> np.ndarray:
    """The weights of `length` values in each of `size`, no fewer: `(size, length)`, rows sum to 1."""
    places = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(length)), 0).astype("float32")


class _Block:
    """Arrays one after the other, little-endian, each at a multiple of `ALIGNMENT` from the first byte."""

    def __init__(self):
        self.content = BLOCK_MAGIC

    def add(self, array: np.ndarray) -> dict[str, Any]:
        """Appends an array; returns where it is."""
        place = {"offset": len(self.content), "dtype": array.dtype.name, "shape": list(array.shape)}
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        self.content += data + bytes(-len(data) % ALIGNMENT)
        return place
