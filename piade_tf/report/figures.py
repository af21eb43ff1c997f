"""The figures of an evaluation, as PNG files."""

import contextlib
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from piade_tf.evaluation.picked_examples import EXAMPLES, Examples
from piade_tf.pixels import to_unit
from piade_tf.report.figure_labels import fitted
from piade_tf.report.fonts import fonts_for
from piade_tf.report.save_figure import save_figure

NORMAL, ANOMALOUS, CURVE, SECOND = "#0072B2", "#D55E00", "#000000", "#009E73"  # Okabe and Ito 2008
MUTED = "#6B6B6B"
KINDS = (("normal", NORMAL, "-"), ("anomalous", ANOMALOUS, "--"))  # the place is the label: 0, 1
MAPS = "inferno"
STYLE: dict = {
    "font.size": 9,
    "axes.titlesize": "medium",
    "figure.titlesize": 10.5,
    "savefig.dpi": 200,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
}
TERMS = {"loss": "total loss", "mse": "MSE", "ssim": "1 \N{MINUS SIGN} SSIM"}


@contextlib.contextmanager
def drawing(*texts: str) -> Iterator[None]:
    """Within, figures look alike, whatever the user's matplotlibrc says, and there are fonts for `texts`."""
    with matplotlib.style.context(["default", STYLE]), fonts_for(*texts):
        yield


def write_figures(
    folder: Path,
    examples: Examples,
    labels: np.ndarray,
    scores: np.ndarray,
    history: dict[str, list[float]],
    title: str,
    threshold: float | None = None,
) -> list[Path]:
    """Writes each figure that the data allow; a file is written whole or not at all.

    Args:
        folder: made where missing. Files of the same names are replaced, others stay.
        examples: for `reconstructions.png` and `anomaly_maps.png`; left out if there are none.
        labels: `(images,)`, integer, 0 normal and 1 anomalous. With one kind only, `roc.png` and
            `precision_recall.png` are left out; with no label at all, `score_histogram.png` too.
        scores: `(images,)`, float, finite, high for anomalous.
        history: a value an epoch by term: `loss`, `mse`, `ssim` (which is 1 - SSIM), ..., and the same with
            `val_` before; for `training_curves.png`, left out if empty.
        title: printed above each figure.
        threshold: marked in the histogram and on the curves, if given.

    Returns:
        The paths written.
    """
    labels, scores = np.asarray(labels).astype(int), np.asarray(scores, dtype=float)
    figures = {}
    with drawing(title, *map(str, examples.classes)):
        if len(examples.images):
            figures["reconstructions"] = reconstructions_figure(examples, title)
            figures["anomaly_maps"] = anomaly_maps_figure(examples, title)
        if len(np.unique(labels)) == 2:
            figures["roc"] = roc_figure(labels, scores, title, threshold)
            figures["precision_recall"] = precision_recall_figure(labels, scores, title, threshold)
        if len(labels):
            figures["score_histogram"] = score_histogram_figure(labels, scores, title, threshold)
        if any(history.values()):
            figures["training_curves"] = training_curves_figure(history, title)
        return [_save(figure, Path(folder) / f"{name}.png") for name, figure in figures.items()]


def reconstructions_figure(examples: Examples, title: str) -> Figure:
    """Images above their reconstructions, normal on the left and anomalous on the right."""
    similarity = [f"{value:.2f}" for value in examples.ssim]
    figure, axes, shown = _image_grid(examples, title, ("image", "reconstruction"), "SSIM", similarity)
    for (above, below), i in zip(axes.T, shown, strict=True):
        _show(above, examples.images[i])
        _show(below, examples.reconstructions[i])
    return figure


def anomaly_maps_figure(examples: Examples, title: str) -> Figure:
    """Images, anomaly maps and both in one, all maps in the same colours."""
    rows = ("image", "anomaly map", "overlay")
    figure, axes, shown = _image_grid(examples, title, rows, "score", score_texts(examples.scores), bottom=0.9)
    low, high = colour_limits(examples.anomaly_maps[shown])
    for (above, middle, below), i in zip(axes.T, shown, strict=True):
        image, values = examples.images[i], examples.anomaly_maps[i]
        _show(above, image)
        drawn = middle.imshow(values, cmap=MAPS, vmin=low, vmax=high)
        # Over grey, and opaque only where the map is high: colour then means the map alone.
        _show(below, _unit(image).mean(-1, keepdims=True))
        alpha = 0.85 * np.clip((values - low) / (high - low), 0, 1)
        below.imshow(values, cmap=MAPS, vmin=low, vmax=high, alpha=alpha)
    width, height = figure.get_size_inches()
    bar_axes = figure.add_axes((0.5 - 1.2 / width, 0.47 / height, 2.4 / width, 0.11 / height))
    bar = figure.colorbar(drawn, cax=bar_axes, orientation="horizontal", extend="both" if low > 0 else "max")
    bar.set_label("anomaly map, one colour scale for all")
    return figure


def colour_limits(anomaly_maps: np.ndarray) -> tuple[float, float]:
    """The values of the first and the last colour, for all maps `(n, height, width)` together; the first is less.

    They are the 0.5th and the 99.5th percentile, so that a few pixels do not take all the colours;
    a lower limit that is small beside the upper becomes 0.
    """
    low, high = (float(limit) for limit in np.percentile(anomaly_maps, (0.5, 99.5)))
    if high <= low:
        low, high = 0.0, float(np.max(anomaly_maps))
    return (0.0 if low < 0.1 * high else low), (high if high > 0 else 1.0)


def score_texts(scores: np.ndarray) -> list[str]:
    """Scores that stand beside each other: to two places, or to three digits where that would hide or flood them."""
    largest = np.max(np.abs(scores), initial=0)
    return [f"{score:.2f}" if 0.1 <= largest < 1000 else f"{score:.3g}" for score in scores]


def roc_figure(labels: np.ndarray, scores: np.ndarray, title: str, threshold: float | None = None) -> Figure:
    """True positives over false positives at every threshold, the one in use as a dot."""
    figure, axes = _curve_panel(title, "false positive rate", "true positive rate")
    false_positives, true_positives, _ = roc_curve(labels, scores)
    axes.plot(false_positives, true_positives, color=CURVE, label=f"AUROC {roc_auc_score(labels, scores):.3f}")
    axes.plot((0, 1), (0, 1), color=MUTED, linestyle=":", label="chance 0.500")
    if threshold is not None:
        tpr, fpr, _ = _rates(labels, scores, threshold)
        _mark(axes, fpr, tpr, f"threshold {threshold:.3g}: TPR {tpr:.3f}, FPR {fpr:.3f}")
    figure.legend(loc="outside lower center", title=_counts(labels))
    return figure


def precision_recall_figure(
    labels: np.ndarray, scores: np.ndarray, title: str, threshold: float | None = None
) -> Figure:
    """Precision over recall at every threshold, the one in use as a dot.

    A detector that guesses has the base rate as precision.
    """
    figure, axes = _curve_panel(title, "recall", "precision")
    precision, recall, _ = precision_recall_curve(labels, scores)
    precision[-1] = precision[-2]  # scikit-learn ends at a precision of 1, which no threshold has
    # Steps, not slopes: the area drawn is then the average precision printed.
    label = f"AUPR {average_precision_score(labels, scores):.3f}"
    axes.plot(recall, precision, color=CURVE, drawstyle="steps-post", label=label)
    axes.axhline(labels.mean(), color=MUTED, linestyle=":", label=f"base rate {labels.mean():.3f}")
    if threshold is not None:
        at_recall, _, at_precision = _rates(labels, scores, threshold)
        if at_precision is None:
            axes.plot([], [], " ", label=f"threshold {threshold:.3g}: no image is flagged")
        else:
            text = f"threshold {threshold:.3g}: precision {at_precision:.3f}, recall {at_recall:.3f}"
            _mark(axes, at_recall, at_precision, text)
    figure.legend(loc="outside lower center", title=_counts(labels))
    return figure


def _rates(labels: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[float, float, float | None]:
    """True and false positive rate, and precision, which is None where no image is flagged."""
    flagged, anomalous = scores > threshold, labels == 1
    precision = float(anomalous[flagged].mean()) if flagged.any() else None
    return float(flagged[anomalous].mean()), float(flagged[~anomalous].mean()), precision


def _mark(axes: Axes, x: float, y: float, label: str) -> None:
    ring: dict[str, Any] = {"marker": "o", "markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.8}
    axes.plot([x], [y], linestyle="none", color=CURVE, clip_on=False, label=label, **ring)


def score_histogram_figure(
    labels: np.ndarray, scores: np.ndarray, title: str, threshold: float | None = None
) -> Figure:
    """Normal and anomalous scores in the same bins, each kind's shares adding up to 1; the threshold as a line."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    _head(figure, title)
    axes = figure.add_subplot(xlabel="anomaly score", ylabel="share of the images of a kind")
    edges, logarithmic, gathered = score_bins(labels, scores, threshold)
    for label, (kind, colour, line) in enumerate(KINDS):
        of_kind = scores[labels == label]
        if len(of_kind):
            shares = _count(of_kind, edges) / len(of_kind)
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.25)
            axes.stairs(shares, edges, color=colour, linestyle=line, linewidth=1.5, label=f"{kind} ({len(of_kind)})")
    if gathered:
        axes.axvspan(edges[-2], edges[-1], facecolor="none", edgecolor="#B8B8B8", hatch="////", linewidth=0, zorder=0)
        text, place = f"last bin: all from  \n{edges[-2]:.3g} to {scores.max():.3g}  ", (float(edges[-2]), 0.98)
        axes.text(*place, text, transform=axes.get_xaxis_transform(), ha="right", va="top", color=MUTED)
    if threshold is not None:
        at = float(np.clip(threshold, edges[0], edges[-1]))
        axes.axvline(at, color=CURVE, linestyle=":", linewidth=1.5, label=f"threshold {threshold:.3g}")
    axes.set(xscale="log" if logarithmic else "linear", xlim=(edges[0], edges[-1]))
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def score_bins(labels: np.ndarray, scores: np.ndarray, threshold: float | None = None) -> tuple[np.ndarray, bool, bool]:
    """Bins in which the normal scores stay readable, however long the tail.

    Tried in this order: even bins over all scores, or to their 99th percentile and one bin for the rest, if
    98 % of the normal scores take at least a tenth of that; even bins of the logarithm, if they take a
    twentieth of that; even bins as far as a tenth allows and one bin for the rest. The threshold is an edge where it
    lies among the scores: no bin then holds both verdicts.

    Returns:
        The edges `(bins + 1,)`, whether the axis is logarithmic, whether the last bin holds the rest.
    """
    count = int(np.clip(2 * np.sqrt(len(scores)), 10, 50))
    low, high = float(scores.min()), float(scores.max())
    if np.isclose(low, high, rtol=1e-9, atol=0):
        return np.linspace(low - 0.5, high + 0.5, count + 1), False, False
    through = threshold if threshold is not None and low < threshold < high else None
    start, stop = np.percentile(scores[labels == 0] if np.any(labels == 0) else scores, (1, 99))
    reach = 10 * (stop - start) if stop > start else high - low
    most = max(float(np.percentile(scores, 99)), float(stop))
    if high - low <= reach:
        return _even_edges(low, high, count, through), False, False
    if most - low > reach and low > 0 and 20 * np.log(stop / start) >= np.log(high / low):
        edges = np.exp(_even_edges(np.log(low), np.log(high), count, through and np.log(through)))
        return _exact(edges, (low, through, high)), True, False
    end = max(min(most, start + reach), low if through is None else through)
    edges = _even_edges(low, end, count - 1, through)
    return np.append(edges, 2 * edges[-1] - edges[-2]), False, True


def _even_edges(low: float, high: float, count: int, through: float | None) -> np.ndarray:
    """Edges of even bins from `low` to `high`; one is `through`, if given, which moves the ends by less than a bin."""
    if through is None:
        return np.linspace(low, high, count + 1)
    width = (high - low) / count
    before, after = np.ceil((through - low) / width), np.ceil((high - through) / width)
    return through + width * np.arange(-before, after + 1)


def _exact(edges: np.ndarray, values: tuple[float | None, ...]) -> np.ndarray:
    """Edges that rounding has moved away from `values` put back."""
    for value in values:
        if value is not None:
            nearest = np.argmin(np.abs(edges - value))
            if np.isclose(edges[nearest], value, rtol=1e-9, atol=0):
                edges[nearest] = value
    return edges


def _count(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many scores each bin holds, its upper edge among them as a threshold is among the normal scores."""
    bins = np.searchsorted(edges, scores, side="left") - 1
    return np.bincount(np.clip(bins, 0, len(edges) - 2), minlength=len(edges) - 1)


def training_curves_figure(history: dict[str, list[float]], title: str) -> Figure:
    """A panel a term: training and validation over epochs, the epoch of the least `val_loss` marked."""
    terms = list(dict.fromkeys(key.removeprefix("val_") for key, values in history.items() if values))
    columns = min(len(terms), 3)
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(max(4.2, 2.75 * columns), 2.4 * rows + 0.7), layout="constrained")
    _head(figure, title)
    val_loss = np.asarray(history.get("val_loss", []), dtype=float)
    handles = {}
    for place, term in enumerate(terms, start=1):
        axes = figure.add_subplot(rows, columns, place, title=TERMS.get(term, term), xlabel="epoch")
        for key, name, colour, line in ((term, "training", CURVE, "-"), ("val_" + term, "validation", SECOND, "--")):
            if values := history.get(key):
                marker = "o" if len(values) == 1 else None  # a line through one point is invisible
                (handles[name],) = axes.plot(range(1, len(values) + 1), values, line, color=colour, marker=marker)
        if np.isfinite(val_loss).any():
            best = int(np.nanargmin(val_loss)) + 1
            handles[f"best epoch: {best}"] = axes.axvline(best, color=MUTED, linestyle=":")
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
    examples: Examples, title: str, rows: tuple[str, ...], measure: str, texts: list[str], bottom: float = 0.3
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
    top = 0.58 + 0.17 * len(_lines(title, page)) + (0.1 if two_lines else 0)
    tall = top + len(rows) * (height + gap) + bottom
    figure = Figure(figsize=(page, tall))
    _head(figure, title, y=1 - 0.08 / tall)
    axes = np.empty((len(rows), len(shown)), dtype=object)
    left, column = names + (page - used) / 2, 0
    for group, (kind, colour, _) in zip(groups, KINDS, strict=True):
        if group and column:
            x = (left + (between - gap) / 2) / page
            ends = (bottom - 0.2) / tall, 1 - (top - 0.4 - 0.1 * two_lines) / tall
            figure.add_artist(Line2D((x, x), ends, color=MUTED, linestyle=":", linewidth=1.2))
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
            axes[0, column].set_title(name, size=name_size, pad=3, color=MUTED, parse_math=False, linespacing=1)
            axes[-1, column].set_xlabel(texts[i], labelpad=3)
            left, column = left + width + gap, column + 1
    x, y = axes[-1, 0].get_position().min
    figure.text(x - 0.06 / page, y - 0.04 / tall, measure, ha="right", va="top")
    return figure, axes, shown


def _lines(title: str, inches: float) -> list[str]:
    return textwrap.wrap(title, int(11 * inches))


def _head(figure: Figure, title: str, **place: float) -> None:
    # Not wrap=True: it reads a $ as mathematics, whatever parse_math says.
    figure.suptitle("\n".join(_lines(title, figure.get_figwidth())), parse_math=False, **place)


def _unit(image: np.ndarray) -> np.ndarray:
    return to_unit(image) if image.dtype == np.uint8 else np.clip(image, 0, 1)


def _show(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(np.broadcast_to(_unit(image), (*image.shape[:2], 3)))


def _curve_panel(title: str, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 5.1), layout="constrained")
    _head(figure, title)
    return figure, figure.add_subplot(xlabel=xlabel, ylabel=ylabel, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


def _counts(labels: np.ndarray) -> str:
    return f"{np.sum(labels == 0)} normal, {np.sum(labels == 1)} anomalous"


def _save(figure: Figure, path: Path) -> Path:
    save_figure(figure, path)
    return path
