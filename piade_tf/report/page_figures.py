"""The figures of a run as the page shows them: beside each other in pairs where they are narrow."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from piade_tf.report import inline_images
from piade_tf.report.figure_captions import alt_text, figure_title
from piade_tf.report.inline_images import Picture
from piade_tf.report.palette import DARK


@dataclasses.dataclass(frozen=True)
class PageFigure:
    """A picture, for a dark page another one, its words, and whether it has a row for itself."""

    picture: Picture
    dark: Picture | None
    alt: str
    title: str
    caption: str
    is_alone: bool


def page_figures(figures: Sequence[tuple[Path, str]], good_only: bool = False) -> list[PageFigure]:
    """The figures in their order.

    Args:
        figures: PNG files, and what to look for in them. Those for a dark page are in the folder `dark` beside them.
        good_only: whether they show good images alone.

    Raises:
        OSError: a figure cannot be read.
    """
    pictures = [inline_images.figure(path) for path, _ in figures]
    alone = _take_a_row([picture.width > 1.4 * picture.height for picture in pictures])
    return [
        PageFigure(picture, _dark(path), alt_text(path, good_only), figure_title(path, good_only), caption, is_alone)
        for (path, caption), picture, is_alone in zip(figures, pictures, alone, strict=True)
    ]


def _dark(path: Path) -> Picture | None:
    dark = path.parent / DARK.folder / path.name
    return inline_images.figure(dark) if dark.exists() else None


def _take_a_row(wide: Sequence[bool]) -> list[bool]:
    """Which figures have a row for themselves: those that are wide, and a narrow one with none to stand beside it."""
    alone, place = list(wide), 0
    while place < len(wide):
        pair = list(wide[place : place + 2]) == [False, False]
        alone[place] |= not pair
        place += 2 if pair else 1
    return alone
