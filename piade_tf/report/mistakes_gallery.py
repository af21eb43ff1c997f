"""The worst mistakes, or the most unusual good images, as pictures for the page."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from piade_tf.evaluation.mistakes import Mistake
from piade_tf.report.heatmap import coloured, overlay
from piade_tf.report.inline_images import Picture, thumbnail
from piade_tf.report.mistakes_figure import BLOCKS, UNUSUAL, top_of
from piade_tf.report.score_columns import count_wrong


@dataclasses.dataclass(frozen=True)
class Block:
    """The images of one kind: what they truly are, how many there are, and those that have pictures."""

    heading: str
    truth: str  # normal, anomalous
    total: int
    cards: Sequence[tuple[Mistake, Mapping[str, Picture]]]  # pictures by what they show


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Blocks whose anomaly maps share one scale of colours, from 0 to `top`; `limit` is the threshold of maps."""

    top: float
    limit: float
    ramp: Picture
    blocks: Sequence[Block]


def gallery(mistakes: Sequence[Mistake], columns: Mapping[str, Sequence[Any]], limit: float) -> Gallery | None:
    """Pictures of all mistakes; None where there are none.

    Args:
        mistakes: the worst of each kind first, or good images, the most unusual first.
        columns: as `score_columns` gives them.
        limit: the threshold of anomaly maps; 0: not known.
    """
    if not mistakes:
        return None
    top = top_of(limit, mistakes)
    blocks = []
    for kind, heading, label in UNUSUAL if mistakes[0].kind == "unusual" else BLOCKS:
        cards = [(mistake, _views(mistake, top)) for mistake in mistakes if mistake.kind == kind]
        total = len(columns["label"]) if kind == "unusual" else count_wrong(columns, label)
        blocks.append(Block(heading, "anomalous" if label else "normal", max(total, len(cards)), cards))
    return Gallery(top, limit, thumbnail(coloured(np.linspace(0, 1, 128)[None], 0, 1)), blocks)


def _views(mistake: Mistake, top: float) -> dict[str, Picture]:
    pixels = {
        "image": mistake.image,
        "reconstruction": mistake.reconstruction,
        "anomaly map": coloured(mistake.anomaly_map, 0, top),
        "overlay": overlay(mistake.image, mistake.anomaly_map, 0, top),
    }
    return {name: thumbnail(np.asarray(view)) for name, view in pixels.items()}
