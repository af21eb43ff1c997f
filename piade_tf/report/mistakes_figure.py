"""The worst mistakes as one figure."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from piade_tf.evaluation.mistakes import Mistake, MistakeKind
from piade_tf.report.drawing import drawing
from piade_tf.report.figure_labels import fitted
from piade_tf.report.figures import draw_scale, score_texts
from piade_tf.report.heatmap import coloured, overlay
from piade_tf.report.map_scale import last_colour
from piade_tf.report.palette import LIGHT, MAPS, PALETTES, Palette
from piade_tf.report.save_figure import save_figure

# kind, heading, and the label that the images truly have
BLOCKS: tuple[tuple[MistakeKind, str, int], ...] = (
    ("false alarm", "False alarms: normal images, the highest scores", 0),
    ("miss", "Misses: anomalous images, the lowest scores", 1),
)
UNUSUAL: tuple[tuple[MistakeKind, str, int], ...] = (("unusual", "Good images, the highest scores", 0),)
ROWS = ("image", "reconstruction", "anomaly map", "overlay")
MISTAKES_SHOWN = 6  # of each kind


def top_of(limit: float, mistakes: Sequence[Mistake]) -> float:
    """The value of the last colour for the maps of all mistakes; `limit` is the threshold of maps."""
    return last_colour(limit, np.concatenate([np.ravel(mistake.anomaly_map) for mistake in mistakes]))


def write_mistakes_figure(path: Path, mistakes: Sequence[Mistake], title: str, limit: float = 0.0) -> Path | None:
    """Writes the first six of each kind; without a mistake, removes what an earlier run left and returns None.

    Args:
        path: of the PNG, written whole or not at all; its folder is made where missing. The one for a dark page is in
            the folder `dark` beside it.
        mistakes: the worst of each kind first.
        title: printed above.
        limit: the threshold of anomaly maps.
    """
    names = [mistake.class_name for mistake in mistakes]
    for colours in PALETTES:
        target = path.parent / colours.folder / path.name
        if not mistakes:
            target.unlink(missing_ok=True)
            continue
        with drawing(colours, title, *names):
            save_figure(draw_mistakes(mistakes, title, limit, colours), target)
    return path if mistakes else None


def draw_mistakes(mistakes: Sequence[Mistake], title: str, limit: float = 0.0, colours: Palette = LIGHT) -> Figure:
    """A block for each kind there is, a column for each mistake: image, reconstruction, map and overlay."""
    blocks = [(heading, colours.kinds[label][1], _of_kind(mistakes, kind)) for kind, heading, label in BLOCKS]
    blocks = [block for block in blocks if block[2]]
    shown = [mistake for _, _, of_kind in blocks for mistake in of_kind]
    top_value = top_of(limit, shown)
    columns = max(len(of_kind) for _, _, of_kind in blocks)
    aspect = max(mistake.image.shape[0] / mistake.image.shape[1] for mistake in shown)
    names, gap, above, below, bottom = 1.0, 0.06, 0.5, 0.3, 0.62  # inches, as all lengths below
    width = min(0.95, (8.3 - names - 0.1) / columns - gap, 1.6 / aspect)
    height = width * aspect
    texts, name_size = fitted([mistake.class_name for mistake in shown], width)
    class_names = {id(mistake): text for mistake, text in zip(shown, texts, strict=True)}
    above += 0.1 if any("\n" in text for text in texts) else 0
    page = max(4.6, names + columns * (width + gap) + 0.1)
    lines = textwrap.wrap(title, int(11 * page))
    top = 0.25 + 0.17 * len(lines)
    tall = top + len(blocks) * (above + len(ROWS) * (height + gap) + below) + bottom
    figure = Figure(figsize=(page, tall))
    figure.suptitle("\n".join(lines), parse_math=False, y=1 - 0.1 / tall)
    edge = tall - top
    for heading, colour, of_kind in blocks:
        figure.text(names / page, (edge - 0.2) / tall, heading, color=colour, weight="bold")
        scores = score_texts(np.array([mistake.score for mistake in of_kind]))
        for column, (mistake, score) in enumerate(zip(of_kind, scores, strict=True)):
            heat = coloured(mistake.anomaly_map, 0, top_value)
            over = overlay(mistake.image, mistake.anomaly_map, 0, top_value)
            pictures = (mistake.image, mistake.reconstruction, heat, over)
            for row, picture in enumerate(pictures):
                left, y = names + column * (width + gap), edge - above - row * (height + gap) - height
                axes = figure.add_axes((left / page, y / tall, width / page, height / tall))
                axes.imshow(np.broadcast_to(picture, (*picture.shape[:2], 3)))
                axes.set(xticks=[], yticks=[])
                axes.grid(False)
                axes.spines[:].set(visible=True, linewidth=0.6, color=colour)
                if column == 0:
                    axes.set_ylabel(ROWS[row], rotation=0, ha="right", va="center")
                if row == 0:
                    name = class_names[id(mistake)]
                    axes.set_title(name, size=name_size, pad=3, color=colours.muted, parse_math=False, linespacing=1)
            axes.set_xlabel(score, labelpad=3)
            if column == 0:
                figure.text((names - 0.06) / page, (y - 0.04) / tall, "score", ha="right", va="top")
        edge -= above + len(ROWS) * (height + gap) + below
    scale = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, top_value), MAPS)
    draw_scale(figure, scale, limit, top_value, (0.5 - 1.5 / page, 0.42 / tall, 3.0 / page, 0.11 / tall))
    return figure


def _of_kind(mistakes: Sequence[Mistake], kind: MistakeKind) -> list[Mistake]:
    return [mistake for mistake in mistakes if mistake.kind == kind][:MISTAKES_SHOWN]
