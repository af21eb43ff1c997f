"""What a full-integer file carries for its score: statistics in bytes, and where each of them is."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from export.host_score.score import BLOCK_MAGIC
from layers.adaptive_average_pool import cell_weights
from piade_tf.config import ScoreName
from piade_tf.scoring.bank_score import DISTANCE, BankScore
from piade_tf.scoring.gaussian_score import QUADRANTS, EmbeddingScore, GaussianScore, PooledScore
from piade_tf.scoring.local_score import LocalScore
from piade_tf.scoring.place_context import resizing_matrix
from piade_tf.scoring.score import Outputs
from piade_tf.scoring.score_set import ScoreSet

ALIGNMENT = 4  # bytes
POOLED_TO = {EmbeddingScore.name: QUADRANTS, PooledScore.name: 1}  # places along each side
ONE_PLACE = {"kind": "mean", "value": 1.0}  # aggregation of a score with a single distance


def score_block(scorer: ScoreSet, chosen: ScoreName, outputs: Outputs) -> tuple[dict[str, Any], bytes]:
    """A score as `HostScore` takes it.

    Args:
        scorer: fitted to the network of the file, as `refit` gives it.
        chosen: the score that decides.
        outputs: of the network; their shapes count.

    Returns:
        `outside` of the metadata, and the block that its offsets point into.
    """
    block = _Block()
    combined = chosen == "combined"
    parts: dict[str, Any] = {}
    for name in [part.name for part in scorer.combined.parts] if combined else [chosen]:
        mean, deviation = scorer.combined.standards[name] if combined else (0.0, 1.0)
        weight = scorer.combined.weights[name] if combined else 1.0
        about = _part(scorer.scores[name], outputs, block)
        map_weight = scorer.combined.map_weights.get(name, 1.0)
        parts[name] = {"weight": weight, "mean": mean, "deviation": deviation, "map_weight": map_weight, **about}
    about = {
        "score": chosen,
        "parts": parts,
        "map_of_parts": scorer.combined.map_of_parts,
        "ssim_window": scorer.parameters.ssim_window,
    }
    return about, block.content


def _part(score: Any, outputs: Outputs, block: "_Block") -> dict[str, Any]:
    image = outputs["reconstruction"].shape[1:3]
    if isinstance(score, BankScore):
        return _bank(score, outputs, image, block)
    if not isinstance(score, GaussianScore):
        return {"kind": "reconstruction", "map": None}
    features = _features(score, outputs, block)
    if not isinstance(score, LocalScore):
        return {"kind": "gaussians", "features": features, "aggregation": ONE_PLACE, "map": None}
    finest = next(iter(features.values()))["places"]
    return {
        "kind": "gaussians",
        "features": features,
        "aggregation": dataclasses.asdict(score.parameters.aggregation),
        "map": _resizing(block, finest, image, score.parameters.smoothing),
    }


def _features(score: GaussianScore, outputs: Outputs, block: "_Block") -> dict[str, Any]:
    found: dict[str, Any] = {}
    local = score if isinstance(score, LocalScore) else None
    for name, sources in score.sources(outputs).items():
        fitted = score.gaussians[name]
        sides = outputs[sources[-1]].shape[1:3]
        places = list(sides) if local else [1, 1]
        finest = next(iter(found.values()))["places"] if found else places
        pooled = [min(POOLED_TO[score.name], *sides)] * 2 if score.name in POOLED_TO else None
        found[name] = {
            "outputs": sources,
            "pool": {sources[-1]: _matrices(block, _average, sides, pooled)} if pooled else {},
            "unit_length": isinstance(score, PooledScore),
            "context": local.parameters.context if local else 1,
            "projection": None if fitted.projection is None else block.add(fitted.projection),
            "mean": block.add(fitted.mean),
            "whitening": block.add(fitted.whitening.astype("int8")),
            "step": block.add(score.steps[name]),
            "places": places,
            "spread": _resizing(block, places, finest),
            "scale": local.scales.get(name, 1.0) if local else 1.0,
            "shown": bool(local and (not local.parameters.shown or name in local.parameters.shown)),
        }
    return found


def _bank(score: BankScore, outputs: Outputs, image: Sequence[int], block: "_Block") -> dict[str, Any]:
    assert score.bank is not None
    finer, coarser = (list(outputs[name].shape[1:3]) for name in score.parameters.maps)
    step = max(float(np.abs(score.bank).max()), 1e-12) / 127
    return {
        "kind": "bank",
        "outputs": list(score.parameters.maps),
        "context": score.parameters.context,
        "spread": _resizing(block, coarser, finer),
        "bank": block.add(np.round(score.bank / step).astype("int8")),
        "step": step,
        "scale": score.scales.get(DISTANCE, 1.0),
        "smooth": _resizing(block, finer, finer, score.parameters.smoothing),
        "aggregation": dataclasses.asdict(score.parameters.aggregation),
        "map": _resizing(block, finer, image, score.parameters.map_smoothing),
    }


def _resizing(block: "_Block", lengths: Sequence[int], sizes: Sequence[int], sigma: float = 0.0) -> dict[str, Any]:
    return _matrices(block, lambda length, size: resizing_matrix(length, size, sigma), lengths, sizes)


def _matrices(block: "_Block", weights: Callable, lengths: Sequence[int], sizes: Sequence[int]) -> dict[str, Any]:
    """Where the matrices are that bring the two axes of a map from `lengths` to `sizes`."""
    rows, columns = (weights(length, size) for length, size in zip(lengths, sizes, strict=True))
    return {"rows": block.add(rows), "columns": block.add(columns)}


def _average(length: int, size: int) -> np.ndarray:
    return cell_weights(length, size).T.astype("float32")


class _Block:
    """Arrays one after the other, little-endian, each once, at a multiple of `ALIGNMENT` from the first byte."""

    def __init__(self):
        self.content = BLOCK_MAGIC
        self._known: dict[tuple[bytes, str, tuple[int, ...]], dict[str, Any]] = {}

    def add(self, array: np.ndarray) -> dict[str, Any]:
        """Appends an array, unless an equal one is there; returns where it is."""
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        key = (data, array.dtype.name, array.shape)
        if key not in self._known:
            self._known[key] = {"offset": len(self.content), "dtype": array.dtype.name, "shape": list(array.shape)}
            self.content += data + bytes(-len(data) % ALIGNMENT)
        return self._known[key]
