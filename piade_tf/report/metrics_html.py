"""Metrics as HTML tables: the known ones in groups with their meaning, unknown ones as they come."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from piade_tf.report.markup import Markup, element, join

MEANINGS = {
    "image_AUROC": ("Image AUROC", "share of pairs in which the anomalous image scores above the normal one"),
    "image_AUPR": ("Image AUPR", "average precision; a detector that guesses has the share of anomalous images"),
    "image_F1Max": ("Image F1Max", "best F1 over all thresholds, chosen on the test images: an upper bound"),
    "pixel_AUROC": ("Pixel AUROC", "share of pairs in which the anomalous pixel has the higher map"),
    "pixel_AUPR": ("Pixel AUPR", "average precision over pixels"),
    "pixel_AUPRO": ("Pixel AUPRO", "overlap with every defect, large or small, at few false positive pixels"),
    "pixel_F1Max": ("Pixel F1Max", "best F1 over all thresholds, chosen on the test pixels: an upper bound"),
    "pixel_AUROC_error": ("Error of pixel AUROC", "the most that counting pixels in bins can have changed it"),
    "pixel_regions": ("Anomalous regions", None),
    "TPR": ("True positive rate", "share of the anomalous images that are flagged"),
    "FPR": ("False positive rate", "share of the normal images that are flagged"),
    "precision": ("Precision", "share of the flagged images that are anomalous"),
    "recall": ("Recall", "the true positive rate by another name"),
    "accuracy": ("Accuracy", "share of all verdicts that are right; depends on how many images are anomalous"),
    "F1": ("F1", "harmonic mean of precision and recall"),
    "n_normal": ("Normal test images", None),
    "n_anomalous": ("Anomalous test images", None),
    "train_seconds": ("Training, seconds", None),
    "epochs": ("Epochs", None),
}
CONFUSION = ("TP", "FN", "FP", "TN")
ASIDE = ("intervals", "reasons", "warnings")  # what they say is shown beside the metrics themselves


class Metrics:
    """Metrics as `metrics.json` holds them, with a look into what stands aside.

    Interval and reason of a metric are searched for in `intervals` and `reasons`, those of the metric's own dict
    first: under its dotted path (`at_threshold.FPR`), or nested as the metrics are.

    Attributes:
        values: the metrics.
    """

    def __init__(self, values: Mapping[str, Any]):
        self.values = values

    def get(self, *path: str) -> Any:
        """The value at a path; None where it is missing or null."""
        found: Any = self.values
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def interval(self, *path: str) -> tuple[float, float] | None:
        """The low and the high end, from a pair or from a dict with `low` and `high`."""
        found = self._aside("intervals", path)
        if isinstance(found, Mapping):
            found = (found.get("low"), found.get("high"))
        if isinstance(found, Sequence) and len(found) == 2 and all(map(is_number, found)):
            return (found[0], found[1])
        return None

    def reason(self, *path: str) -> str | None:
        """Why a metric is null: what is said of itself, or of a dict that it is in."""
        for length in range(len(path), 0, -1):
            found = self._aside("reasons", path[:length])
            if isinstance(found, str):
                return found
        return None

    def _aside(self, name: str, path: tuple[str, ...]) -> Any:
        for depth in range(len(path) - 1, -1, -1):
            table, rest = self.get(*path[:depth], name), path[depth:]
            if isinstance(table, Mapping):
                nested: Any = table
                for key in rest:
                    nested = nested.get(key) if isinstance(nested, Mapping) else None
                for found in (nested, table.get(".".join(rest))):
                    if found is not None:
                        return found
        return None


def metrics_section(values: Mapping[str, Any]) -> Markup:
    """Every metric: image level, at the threshold, pixel level, then tables by class and what else there is."""
    metrics = Metrics(values)
    groups: dict[str, list[str]] = {"Image level": [], "At the threshold": [], "Pixel level": [], "Other": []}
    tables = []
    for name, value in values.items():
        if name in ASIDE:
            continue
        if name == "at_threshold":
            groups["At the threshold"].append(name)
        elif isinstance(value, Mapping):
            tables.append(name)
        elif name.startswith(("image_", "n_")):
            groups["Image level"].append(name)
        elif name.startswith("pixel_"):
            groups["Pixel level"].append(name)
        else:
            groups["Other"].append(name)
    threshold = _at_threshold(metrics) if groups.pop("At the threshold") else None
    blocks = [
        _block("Image level", _list(metrics, [(name,) for name in groups["Image level"]])),
        _block("At the threshold", threshold),
        _block("Pixel level", _list(metrics, [(name,) for name in groups["Pixel level"]])),
        *(_block(title_of(name), _dict(metrics, (name,))) for name in tables),
        _block("Other", _list(metrics, [(name,) for name in groups["Other"]])),
    ]
    return element("div", *blocks, class_="blocks")


def number(value: Any) -> str:
    """A value as text: whole numbers with commas, fractions to four places, others to four digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if is_number(value):
        return f"{value:.4f}" if 0.001 <= abs(value) < 10 or value == 0 else f"{value:,.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(number(inner) for inner in value)
    return "none" if value is None else str(value)


def interval_text(interval: tuple[float, float]) -> str:
    """Such as `0.912 to 0.954`."""
    return " to ".join(f"{end:.3f}" for end in interval)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a finite int or float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def title_of(name: str) -> str:
    """The name of a metric for people: `image_AUROC_by_score` becomes `Image AUROC by score`."""
    if name in MEANINGS:
        return MEANINGS[name][0]
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _name(path: tuple[str, ...]) -> str:
    """Inside a dict, an unknown name may be that of a class: it stays as it is."""
    return title_of(path[-1]) if len(path) == 1 or path[-1] in MEANINGS else path[-1]


def scrolling(table: Markup, label: str) -> Markup:
    """A table in a box that scrolls sideways, also by keyboard, where the page is narrow."""
    return element("div", table, class_="scroll", role="region", tabindex=0, aria_label=label)


def _block(title: str, content: Markup | None) -> Markup | None:
    return element("section", element("h3", title), content, class_="block") if content else None


def _value(metrics: Metrics, path: tuple[str, ...]) -> Markup:
    """The value's cell, with the reason where there is no value."""
    value = metrics.get(*path)
    if value is None:
        reason = metrics.reason(*path) or "no reason was recorded"
        return element("td", element("span", "not available", class_="muted"), element("small", reason), class_="null")
    return element("td", number(value), class_="number" if is_number(value) else None)


def _list(metrics: Metrics, paths: Sequence[tuple[str, ...]]) -> Markup | None:
    """Metrics below each other: name and meaning, value, interval where one of them has one."""
    if not paths:
        return None
    intervals = [metrics.interval(*path) for path in paths]
    rows = []
    for path, interval in zip(paths, intervals, strict=True):
        meaning = MEANINGS.get(path[-1], (None, None))[1]
        head = element("th", _name(path), meaning and element("small", meaning), scope="row")
        cell = element("td", interval_text(interval) if interval else "", class_="number") if any(intervals) else None
        rows.append(element("tr", head, _value(metrics, path), cell))
    header = [element("th", name, scope="col") for name in ("metric", "value")]
    if any(intervals):
        header.append(element("th", "95\N{NO-BREAK SPACE}% interval", scope="col"))
    return element("table", element("thead", element("tr", *header)), element("tbody", *rows))


def _at_threshold(metrics: Metrics) -> Markup:
    values = metrics.get("at_threshold")
    if not isinstance(values, Mapping):
        return _list(metrics, [("at_threshold",)]) or join()
    counts: list[Any] = [values.get(name) for name in CONFUSION]
    whole = all(isinstance(count, int) for count in counts)
    rest = [name for name in values if name not in ASIDE and not (whole and name in CONFUSION)]
    single = [("at_threshold", name) for name in rest if not isinstance(values[name], Mapping)]
    nested = [("at_threshold", name) for name in rest if isinstance(values[name], Mapping)]
    return join(
        _confusion(*counts) if whole else None,
        _list(metrics, single),
        *(join(element("h4", title_of(path[-1])), _dict(metrics, path)) for path in nested),
    )


def _confusion(tp: int, fn: int, fp: int, tn: int) -> Markup:
    """Truth downwards, verdict across; the share of each in its row."""

    def cell(name: str, count: int, total: int, right: bool) -> Markup:
        share = f"{100 * count / total:.1f}\N{NO-BREAK SPACE}% of {total:,}" if total else "no such image"
        words = element("small", f"{name}, {share}")
        return element("td", element("b", f"{count:,}"), words, class_="right" if right else "wrong")

    header = [element("th", name, scope="col") for name in ("truth", "flagged", "not flagged")]
    rows = [
        (
            element("th", element("i", class_="dot anomalous"), "anomalous", scope="row"),
            cell("TP", tp, tp + fn, True),
            cell("FN, misses", fn, tp + fn, False),
        ),
        (
            element("th", element("i", class_="dot normal"), "normal", scope="row"),
            cell("FP, false alarms", fp, fp + tn, False),
            cell("TN", tn, fp + tn, True),
        ),
    ]
    body = element("tbody", *(element("tr", *row) for row in rows))
    return element("table", element("thead", element("tr", *header)), body, class_="confusion")


def _dict(metrics: Metrics, path: tuple[str, ...]) -> Markup:
    """A dict of values as a list; a dict of dicts as a table with a row for each; deeper ones below."""
    values = metrics.get(*path)
    inner = {name: value for name, value in values.items() if isinstance(value, Mapping) and name not in ASIDE}
    single = [(*path, name) for name, value in values.items() if name not in ASIDE and name not in inner]
    if not inner and not single:
        return element("p", "empty", class_="muted")
    return join(_list(metrics, single), _matrix(metrics, path, list(inner)) if inner else None)


def _matrix(metrics: Metrics, path: tuple[str, ...], names: list[str]) -> Markup:
    columns = list(dict.fromkeys(key for name in names for key in metrics.get(*path, name) if key not in ASIDE))
    first = path[-1].removeprefix("per_").replace("_", " ") if path[-1].startswith("per_") else "name"
    header = [element("th", text, scope="col") for text in (first, *(_name((*path, column)) for column in columns))]
    body = [element("tr", element("th", name, scope="row"), *_cells(metrics, (*path, name), columns)) for name in names]
    table = element("table", element("thead", element("tr", *header)), element("tbody", *body))
    return scrolling(table, title_of(path[-1]))


def _cells(metrics: Metrics, path: tuple[str, ...], columns: list[str]) -> Iterator[Markup]:
    for column in columns:
        if isinstance(metrics.get(*path, column), Mapping):
            yield element("td", _dict(metrics, (*path, column)))
            continue
        interval = metrics.interval(*path, column)
        cell = _value(metrics, (*path, column))
        if interval and is_number(metrics.get(*path, column)):
            text = number(metrics.get(*path, column))
            cell = element("td", text, element("small", interval_text(interval)), class_="number")
        missing = column not in metrics.get(*path) and not metrics.reason(*path, column)
        yield element("td", "", class_="number") if missing else cell
