"""The figures of an evaluation, as PNG files for a light page and for a dark one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from piade_tf.evaluation.picked_examples import EXAMPLES, Examples
from piade_tf.pixels import to_unit
from piade_tf.report.drawing import drawing
from piade_tf.report.figure_head import draw_head, title_lines
from piade_tf.report.figure_labels import fitted
from piade_tf.report.heatmap import opacity
from piade_tf.report.map_scale import SAID, last_colour, ticks
from piade_tf.report.palette import LIGHT, MAPS, PALETTES, Palette
from piade_tf.report.save_figure import save_figure
from piade_tf.report.score_histogram import score_histogram
from piade_tf.report.term_names import term_name


@dataclasses.dataclass(frozen=True)
class Limits:
    """The thresholds that figures show.

    Attributes:
        score: an image with a higher score is anomalous; None: there is no threshold.
        map: a place with a higher value of an anomaly map is unusual; 0: not known.
        aside: what is said beside the threshold of the score.
    """

    score: float | None = None
    map: float = 0.0
    aside: str = ""


def write_figures(
    folder: Path,
    examples: Examples,
    labels: np.ndarray,
    scores: np.ndarray,
    history: dict[str, list[float]],
    title: str,
    limits: Limits = Limits(),
    names: tuple[str, str] = ("normal", "anomalous"),
) -> list[Path]:
    """Writes each figure that the data allow; a file is written whole or not at all.

    Args:
        folder: made where missing. Files of the same names are replaced, others stay. Those for a dark page are in its
            folder `dark`.
        examples: for `reconstructions.png` and `anomaly_maps.png`; left out if there are none.
        labels: `(images,)`, integer, 0 normal and 1 anomalous. With one kind only, `roc.png` and
            `precision_recall.png` are left out; with no label at all, `score_histogram.png` too.
        scores: `(images,)`, float, finite, high for anomalous.
        history: a value an epoch by term: `loss`, `mse`, `one_minus_ssim`, ..., and the same with `val_` before; for
            `training_curves.png`, left out if empty.
        title: printed above each figure.
        limits: marked in the histogram and on the curves; that of the maps sets the scale of their colours.
        names: of normal and anomalous images in the histogram.

    Returns:
        The paths written, without those for a dark page.
    """
    labels, scores = np.asarray(labels).astype(int), np.asarray(scores, dtype=float)
    written = []
    for colours in PALETTES:
        with drawing(colours, title, *map(str, examples.classes)):
            figures = _figures(examples, labels, scores, history, title, limits, names, colours)
            for name, figure in figures.items():
                path = Path(folder) / colours.folder / f"{name}.png"
                save_figure(figure, path)
                written += [path] if colours is LIGHT else []
    return written


def _figures(
    examples: Examples,
    labels: np.ndarray,
    scores: np.ndarray,
    history: dict[str, list[float]],
    title: str,
    limits: Limits,
    names: tuple[str, str],
    colours: Palette,
) -> dict[str, Figure]:
    figures = {}
    at, aside = limits.score, limits.aside
    if len(examples.images):
        figures["reconstructions"] = reconstructions_figure(examples, title, colours)
        figures["anomaly_maps"] = anomaly_maps_figure(examples, title, limits.map, colours)
    if len(np.unique(labels)) == 2:
        figures["roc"] = roc_figure(labels, scores, title, at, aside, colours)
        figures["precision_recall"] = precision_recall_figure(labels, scores, title, at, aside, colours)
    if len(labels):
        figures["score_histogram"] = score_histogram(labels, scores, title, at, aside, names, colours)
    if any(history.values()):
        figures["training_curves"] = training_curves_figure(history, title, colours)
    return figures


def reconstructions_figure(examples: Examples, title: str, colours: Palette = LIGHT) -> Figure:
    """Images above their reconstructions, normal on the left and anomalous on the right."""
    similarity = [f"{value:.2f}" for value in examples.ssim]
    figure, axes, shown = _image_grid(examples, title, ("image", "reconstruction"), "SSIM", similarity, colours)
    for (above, below), i in zip(axes.T, shown, strict=True):
        _show(above, examples.images[i])
        _show(below, examples.reconstructions[i])
    return figure


def anomaly_maps_figure(examples: Examples, title: str, limit: float = 0.0, colours: Palette = LIGHT) -> Figure:
    """Images, anomaly maps and both in one, all maps in the same colours; `limit` is the threshold of maps."""
    rows = ("image", "anomaly map", "overlay")
    texts = score_texts(examples.scores)
    figure, axes, shown = _image_grid(examples, title, rows, "score", texts, colours, bottom=0.9)
    top = last_colour(limit, examples.anomaly_maps[shown])
    for (above, middle, below), i in zip(axes.T, shown, strict=True):
        image, values = examples.images[i], examples.anomaly_maps[i]
        _show(above, image)
        drawn = middle.imshow(values, cmap=MAPS, vmin=0, vmax=top)
        _show(below, image)
        below.imshow(values, cmap=MAPS, vmin=0, vmax=top, alpha=opacity(values / top))
    width, height = figure.get_size_inches()
    draw_scale(figure, drawn, limit, top, (0.5 - 1.5 / width, 0.47 / height, 3.0 / width, 0.11 / height))
    return figure


def draw_scale(
    figure: Figure, colours: ScalarMappable, limit: float, top: float, box: tuple[float, float, float, float]
) -> None:
    """The bar of the colours of anomaly maps, from 0 to `top`, with their threshold `limit`; `box` as of `add_axes`."""
    bar = figure.colorbar(colours, cax=figure.add_axes(box), orientation="horizontal", extend="max")
    marks = ticks(limit, top)
    bar.set_ticks(list(marks), labels=list(marks.values()))
    bar.set_label(SAID if limit > 0 else "anomaly map, one colour scale for all")


def score_texts(scores: np.ndarray) -> list[str]:
    """Scores that stand beside each other: to two places, or to three digits where that would hide or flood them."""
    largest = np.max(np.abs(scores), initial=0)
    return [f"{score:.2f}" if 0.1 <= largest < 1000 else f"{score:.3g}" for score in scores]


def roc_figure(
    labels: np.ndarray,
    scores: np.ndarray,
    title: str,
    threshold: float | None = None,
    aside: str = "",
    colours: Palette = LIGHT,
) -> Figure:
    """True positives over false positives at every threshold, the one in use as a dot."""
    figure, axes = _curve_panel(title, "false positive rate", "true positive rate")
    false_positives, true_positives, _ = roc_curve(labels, scores)
    axes.plot(false_positives, true_positives, color=colours.curve, label=f"AUROC {roc_auc_score(labels, scores):.3f}")
    axes.plot((0, 1), (0, 1), color=colours.muted, linestyle=":", label="chance 0.500")
    if threshold is not None:
        tpr, fpr, _ = _rates(labels, scores, threshold)
        _mark(axes, fpr, tpr, f"threshold {threshold:.3g}: TPR {tpr:.3f}, FPR {fpr:.3f}{_below(aside)}", colours)
    figure.legend(loc="outside lower center", title=_counts(labels))
    return figure


def precision_recall_figure(
    labels: np.ndarray,
    scores: np.ndarray,
    title: str,
    threshold: float | None = None,
    aside: str = "",
    colours: Palette = LIGHT,
) -> Figure:
    """Precision over recall at every threshold, the one in use as a dot.

    A detector that guesses has the base rate as precision.
    """
    figure, axes = _curve_panel(title, "recall", "precision")
    precision, recall, _ = precision_recall_curve(labels, scores)
    precision[-1] = precision[-2]  # scikit-learn ends at a precision of 1, which no threshold has
    # Steps, not slopes: the area drawn is then the average precision printed.
    label = f"AUPR {average_precision_score(labels, scores):.3f}"
    axes.plot(recall, precision, color=colours.curve, drawstyle="steps-post", label=label)
    axes.axhline(labels.mean(), color=colours.muted, linestyle=":", label=f"base rate {labels.mean():.3f}")
    if threshold is not None:
        at_recall, _, at_precision = _rates(labels, scores, threshold)
        if at_precision is None:
            axes.plot([], [], " ", label=f"threshold {threshold:.3g}: no image is flagged{_below(aside)}")
        else:
            text = f"threshold {threshold:.3g}: precision {at_precision:.3f}, recall {at_recall:.3f}"
            _mark(axes, at_recall, at_precision, text + _below(aside), colours)
    figure.legend(loc="outside lower center", title=_counts(labels))
    return figure


def _below(aside: str) -> str:
    """On a line of its own: a panel of a curve is narrow."""
    return f"\n{aside}" if aside else ""


def _rates(labels: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[float, float, float | None]:
    """True and false positive rate, and precision, which is None where no image is flagged."""
    flagged, anomalous = scores > threshold, labels == 1
    precision = float(anomalous[flagged].mean()) if flagged.any() else None
    return float(flagged[anomalous].mean()), float(flagged[~anomalous].mean()), precision


def _mark(axes: Axes, x: float, y: float, label: str, colours: Palette) -> None:
    ring: dict[str, Any] = {"marker": "o", "markersize": 7, "markerfacecolor": colours.page, "markeredgewidth": 1.8}
    axes.plot([x], [y], linestyle="none", color=colours.curve, clip_on=False, label=label, **ring)


def training_curves_figure(history: dict[str, list[float]], title: str, colours: Palette = LIGHT) -> Figure:
    """A panel a term: training and validation over epochs, the epoch of the least `val_loss` marked."""
    terms = list(dict.fromkeys(key.removeprefix("val_") for key, values in history.items() if values))
    columns = min(len(terms), 3)
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(max(4.2, 2.75 * columns), 2.4 * rows + 0.7), layout="constrained")
    draw_head(figure, title)
    val_loss = np.asarray(history.get("val_loss", []), dtype=float)
    handles = {}
    for place, term in enumerate(terms, start=1):
        axes = figure.add_subplot(rows, columns, place, title=term_name(term), xlabel="epoch")
        lines = (term, "training", colours.curve, "-"), ("val_" + term, "validation", colours.second, "--")
        for key, name, colour, line in lines:
            if values := history.get(key):
                marker = "o" if len(values) == 1 else None  # a line through one point is invisible
                (handles[name],) = axes.plot(range(1, len(values) + 1), values, line, color=colour, marker=marker)
        if np.isfinite(val_loss).any():
            best = int(np.nanargmin(val_loss)) + 1
            handles[f"best epoch: {best}"] = axes.axvline(best, color=colours.muted, linestyle=":")
        _scale(axes, np.asarray([*history.get(term, []), *history.get("val_" + term, [])]))
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3)
    return figure


def _scale(axes: Axes, values: np.ndarray) -> None:
    """Whole epochs; a logarithmic axis with plain numbers where values span more than a factor of ten."""
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    if values.min() > 0 and values.max() > 10 * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if values.max() < 500 * values.min() else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _image_grid(
    examples: Examples,
    title: str,
    rows: tuple[str, ...],
    measure: str,
    texts: list[str],
    colours: Palette,
    bottom: float = 0.3,
) -> tuple[Figure, np.ndarray, list[int]]:
    """A figure with empty axes `(rows, columns)`, and the index of the example in each column.

    `texts`, one an example, stand below the columns, and `measure` says what they are.
    """
    groups = [np.flatnonzero(np.asarray(examples.labels) == label)[:EXAMPLES].tolist() for label in (0, 1)]
    shown = [i for group in groups for i in group]
    aspect = examples.images.shape[1] / examples.images.shape[2]
    page, names, gap, between = 8.3, 1.0, 0.06, 0.22  # inches, as all lengths below
    width = min(1.25, (page - names - between - 0.1) / len(shown) - gap, 2.0 / aspect)
    height = width * aspect
    used = names + len(shown) * (width + gap) + (between if all(groups) else 0) + 0.1
    page = max(used, 4.2)
    class_names, name_size = fitted([str(examples.classes[i]) for i in shown], width)
    two_lines = any("\n" in name for name in class_names)
    top = 0.58 + 0.17 * len(title_lines(title, page)) + (0.1 if two_lines else 0)
    tall = top + len(rows) * (height + gap) + bottom
    figure = Figure(figsize=(page, tall))
    draw_head(figure, title, y=1 - 0.08 / tall)
    axes = np.empty((len(rows), len(shown)), dtype=object)
    left, column = names + (page - used) / 2, 0
    for group, (kind, colour) in zip(groups, colours.kinds, strict=True):
        if group and column:
            x = (left + (between - gap) / 2) / page
            ends = (bottom - 0.2) / tall, 1 - (top - 0.4 - 0.1 * two_lines) / tall
            figure.add_artist(Line2D((x, x), ends, color=colours.muted, linestyle=":", linewidth=1.2))
            left += between
        middle, y = (left + (len(group) * (width + gap) - gap) / 2) / page, 1 - (top - 0.24 - 0.1 * two_lines) / tall
        if group:
            figure.text(middle, y, kind.capitalize(), color=colour, weight="bold", ha="center")
        for i in group:
            for row, name in enumerate(rows):
                y = tall - top - row * (height + gap) - height
                axes[row, column] = cell = figure.add_axes((left / page, y / tall, width / page, height / tall))
                cell.set(xticks=[], yticks=[])
                cell.spines[:].set(visible=True, linewidth=0.6, color=colour)
                if column == 0:
                    cell.set_ylabel(name, rotation=0, ha="right", va="center")
            name = class_names[column]
            axes[0, column].set_title(name, size=name_size, pad=3, color=colours.muted, parse_math=False, linespacing=1)
            axes[-1, column].set_xlabel(texts[i], labelpad=3)
            left, column = left + width + gap, column + 1
    x, y = axes[-1, 0].get_position().min
    figure.text(x - 0.06 / page, y - 0.04 / tall, measure, ha="right", va="top")
    return figure, axes, shown


def _unit(image: np.ndarray) -> np.ndarray:
    return to_unit(image) if image.dtype == np.uint8 else np.clip(image, 0, 1)


def _show(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(np.broadcast_to(_unit(image), (*image.shape[:2], 3)))


def _curve_panel(title: str, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 5.1), layout="constrained")
    draw_head(figure, title)
    return figure, figure.add_subplot(xlabel=xlabel, ylabel=ylabel, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


def _counts(labels: np.ndarray) -> str:
    return f"{np.sum(labels == 0)} normal, {np.sum(labels == 1)} anomalous"
