"""The histogram of anomaly scores: even bins, the same for each kind, and the threshold between two of them."""

import numpy as np
from matplotlib.figure import Figure

from piade_tf.report.figure_head import draw_head
from piade_tf.report.palette import LIGHT, Palette

FEWEST, USUAL, MOST = 10, 40, 60  # bins
FOR_NORMAL = 6  # bins that the normal scores take at least, where the tail allows
HATCH = ("", "////")  # of normal and of anomalous, for those who see no colours


def score_histogram(
    labels: np.ndarray,
    scores: np.ndarray,
    title: str,
    threshold: float | None = None,
    aside: str = "",
    names: tuple[str, str] = ("normal", "anomalous"),
    colours: Palette = LIGHT,
) -> Figure:
    """The shares of each kind in bins, each adding up to 1.

    Args:
        labels: `(n,)`, 0 normal, 1 anomalous.
        scores: `(n,)`, finite.
        title: printed above.
        threshold: drawn as a line, if given.
        aside: what is said beside its value.
        names: of the two kinds.
        colours: of the page.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    draw_head(figure, title)
    kinds = [names[label] for label in (0, 1) if np.any(labels == label)]
    of = f"the {kinds[0]} images" if len(kinds) == 1 else "the images of a kind"
    axes = figure.add_subplot(xlabel="anomaly score", ylabel=f"share of {of}")
    edges, gathered = score_bins(labels, scores, threshold)
    for label, (_, colour) in enumerate(colours.kinds):
        of_kind = scores[labels == label]
        if len(of_kind):
            shares = count_in(of_kind, edges) / len(of_kind)
            axes.bar(
                edges[:-1],
                shares,
                np.diff(edges),
                align="edge",
                label=f"{names[label]} ({len(of_kind)})",
                hatch=HATCH[label],
                facecolor=(colour, 0.3),
                edgecolor=colour,
                linewidth=np.where(shares > 0, 0.8, 0),
            )
    if gathered:
        axes.axvspan(edges[-2], edges[-1], color=colours.grid, linewidth=0, zorder=0)
        text = f"last bin: all from  \n{edges[-2]:.3g} to {scores.max():.3g}  "
        place = axes.get_xaxis_transform()
        axes.text(float(edges[-2]), 0.98, text, color=colours.muted, transform=place, ha="right", va="top")
    if threshold is not None:
        at = float(np.clip(threshold, edges[0], edges[-1]))
        said = f"threshold {threshold:.3g}" + (f" ({aside})" if aside else "")
        axes.axvline(at, color=colours.curve, linestyle=":", linewidth=1.5, label=said)
    axes.set(xlim=(edges[0], edges[-1]))
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def score_bins(labels: np.ndarray, scores: np.ndarray, threshold: float | None = None) -> tuple[np.ndarray, bool]:
    """The edges of bins of one width.

    As many as suit the number of scores, and narrow enough for the normal scores to take several; where a long tail
    would then take too many, the last bin holds the rest. The threshold is an edge where it lies among the scores or
    not far from them: no bin then holds both verdicts.

    Returns:
        The edges `(bins + 1,)`, and whether the last bin holds the rest.
    """
    low, high = float(scores.min()), float(scores.max())
    if np.isclose(low, high, rtol=1e-9, atol=0):
        return np.linspace(low - 0.5, high + 0.5, FEWEST + 1), False
    reach = high - low
    through = threshold if threshold is not None and low - reach < threshold < high + reach else None
    low, high = min(low, high if through is None else through), max(high, low if through is None else through)
    start, stop = np.percentile(scores[labels == 0] if np.any(labels == 0) else scores, (1, 99))
    width = (high - low) / int(np.clip(2 * np.sqrt(len(scores)), FEWEST, USUAL))
    width = min(width, (stop - start) / FOR_NORMAL) if stop > start else width
    needed = max(float(stop), low if through is None else through)
    width = max(width, (needed - low) / (MOST - 1))
    gathered = bool((high - low) / width > MOST)
    end = max(low + (MOST - 1) * width, needed) if gathered else high
    edges = _even(low, end, width, through)
    return (np.append(edges, 2 * edges[-1] - edges[-2]) if gathered else edges), gathered


def _even(low: float, high: float, width: float, through: float | None) -> np.ndarray:
    """Edges of bins that hold all from `low` to `high`; one is `through`, if given, else the first is `low`."""
    anchor = low if through is None else through
    before, after = np.ceil((anchor - low) / width - 1e-9), np.ceil((high - anchor) / width - 1e-9)
    if anchor >= high:  # a threshold is seen with what lies above it
        after += 1
    return anchor + width * np.arange(-before, after + 1)


def count_in(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many scores each bin holds, its upper edge among them as a threshold is among the normal scores."""
    bins = np.searchsorted(edges, scores, side="left") - 1
    return np.bincount(np.clip(bins, 0, len(edges) - 2), minlength=len(edges) - 1)
