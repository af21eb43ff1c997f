"""The worst mistakes as pictures for the page."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from piade_tf.evaluation.mistakes import Mistake
from piade_tf.report.heatmap import coloured, overlay
from piade_tf.report.inline_images import Picture, thumbnail
from piade_tf.report.mistakes_figure import BLOCKS, map_limits
from piade_tf.report.score_columns import count_wrong


@dataclasses.dataclass(frozen=True)
class Block:
    """The mistakes of one kind: what the images truly are, how many there are, and those that have pictures."""

    heading: str
    truth: str  # normal, anomalous
    total: int
    cards: Sequence[tuple[Mistake, Mapping[str, Picture]]]  # pictures by what they show


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Blocks whose anomaly maps share one scale of colours, from `low` to `high`."""

    low: float
    high: float
    ramp: Picture
    blocks: Sequence[Block]


def gallery(mistakes: Sequence[Mistake], columns: Mapping[str, Sequence[Any]]) -> Gallery | None:
    """Pictures of all mistakes; None where there are none.

    Args:
        mistakes: the worst of each kind first.
        columns: as `score_columns` gives them.
    """
    if not mistakes:
        return None
    low, high = map_limits(mistakes)
    blocks = []
    for kind, heading, label in BLOCKS:
        cards = [(mistake, _views(mistake, low, high)) for mistake in mistakes if mistake.kind == kind]
        total = max(count_wrong(columns, label), len(cards))
        blocks.append(Block(heading, "anomalous" if label else "normal", total, cards))
    return Gallery(low, high, thumbnail(coloured(np.linspace(0, 1, 128)[None], 0, 1)), blocks)


def _views(mistake: Mistake, low: float, high: float) -> dict[str, Picture]:
    pixels = {
        "image": mistake.image,
        "reconstruction": mistake.reconstruction,
        "anomaly map": coloured(mistake.anomaly_map, low, high),
        "overlay": overlay(mistake.image, mistake.anomaly_map, low, high),
    }
    return {name: thumbnail(np.asarray(view)) for name, view in pixels.items()}
