"""One picture of a data set: a row of images for each kind, masks outlined."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from piade_tf.data.summary import Samples
from piade_tf.report.drawing import drawing
from piade_tf.report.palette import LIGHT
from piade_tf.report.save_figure import save_figure

CELL, NAMES = 0.95, 1.9  # inches
LINE = 40  # letters
MOST_ROWS = 24


def write_contact_sheet(path: Path, rows: list[Samples], title: str) -> None:
    """Writes the picture as PNG, whole or not at all.

    Args:
        path: the file.
        rows: kinds of images; the first 24 are shown.
        title: printed above.
    """
    left_out = len(rows) - MOST_ROWS
    rows = rows[:MOST_ROWS]
    columns = max(len(row.images) for row in rows)
    height, width = rows[0].images.shape[1:3]
    cell_height = CELL * height / width
    titles = [
        "\n".join(line for part in row.title.replace(", ", ",\n").splitlines() for line in textwrap.wrap(part, LINE))
        for row in rows
    ]
    with drawing(LIGHT, title, *(row.title for row in rows)):
        names = max([NAMES, *(_width(title) + 0.2 for title in titles)])
        page = names + columns * (CELL + 0.05) + 0.1, len(rows) * (cell_height + 0.08) + 0.75
        figure = Figure(figsize=page)
        figure.suptitle(title, parse_math=False, y=1 - 0.1 / page[1])
        for place, row in enumerate(rows):
            bottom = page[1] - 0.45 - (place + 1) * (cell_height + 0.08)
            y = (bottom + cell_height / 2) / page[1]
            figure.text((names - 0.1) / page[0], y, titles[place], ha="right", va="center", parse_math=False)
            for column, image in enumerate(row.images):
                left = names + column * (CELL + 0.05)
                axes = figure.add_axes((left / page[0], bottom / page[1], CELL / page[0], cell_height / page[1]))
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set(visible=True, linewidth=0.4, color=LIGHT.muted)
                axes.imshow(np.broadcast_to(image, (*image.shape[:2], 3)))
                if row.masks is not None and row.masks[column].any():
                    # A border of zeros closes the outline where a defect touches the edge.
                    mask = np.pad(row.masks[column].astype(float), 1)
                    places = np.arange(-1, height + 1), np.arange(-1, width + 1)
                    axes.contour(places[1], places[0], mask, [0.5], colors=LIGHT.anomalous, linewidths=1.2)
                    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        notes = ["masks outlined"] if any(row.masks is not None for row in rows) else []
        notes += [f"{left_out} more kinds are not shown"] if left_out > 0 else []
        figure.text(0.5, 0.12 / page[1], "; ".join(notes), ha="center", color=LIGHT.muted)
        save_figure(figure, path)


def _width(text: str) -> float:
    """Of a text as it is drawn, in inches."""
    figure = Figure()
    drawn = figure.text(0, 0, text, parse_math=False)
    return drawn.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width / figure.dpi
