"""Metrics as `metrics.json` holds them, each with its name, its meaning and what stands aside about it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from piade_tf.report.page_text import in_words, is_number

MEANINGS = {
    "image_AUROC": ("Image AUROC", "share of pairs in which the anomalous image scores above the normal one"),
    "image_AUPR": ("Image AUPR", "average precision; a detector that guesses has the share of anomalous images"),
    "image_F1Max": ("Image F1Max", "best F1 over all thresholds, chosen on the test images: an upper bound"),
    "pixel_AUROC": ("Pixel AUROC", "share of pairs in which the anomalous pixel has the higher map"),
    "pixel_AUPR": ("Pixel AUPR", "average precision over pixels"),
    "pixel_AUPRO": ("Pixel AUPRO", "overlap with every defect, large or small, at few false positive pixels"),
    "pixel_AUROC_own_size": (
        "Pixel AUROC, masks in their own size",
        "maps are enlarged, masks are as they are on disk",
    ),
    "pixel_AUPR_own_size": ("Pixel AUPR, masks in their own size", None),
    "pixel_AUPRO_own_size": ("Pixel AUPRO, masks in their own size", None),
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
ASIDE = ("intervals", "reasons", "warnings")  # what they say is shown beside the metrics themselves
LEVELS = {"image_": "Image level", "n_": "Image level", "pixel_": "Pixel level", "at_threshold": "At the threshold"}


@dataclasses.dataclass(frozen=True)
class Metric:
    """One place in the metrics, whether there is anything or not.

    Interval and reason are searched for in `intervals` and `reasons`, those of the metric's own dict first: under the
    metric's dotted path (`at_threshold.FPR`), or nested as the metrics are.

    Attributes:
        whole: all metrics.
        path: the keys that lead here; none: all metrics.
    """

    whole: Mapping[str, Any]
    path: tuple[str, ...] = ()

    def at(self, name: str) -> "Metric":
        """The place below, under a key that may be missing."""
        return Metric(self.whole, (*self.path, name))

    @property
    def value(self) -> Any:
        """None where it is missing or null."""
        return _at(self.whole, self.path)

    @property
    def name(self) -> str:
        """The last key."""
        return self.path[-1]

    @property
    def heading(self) -> str:
        """The name for people."""
        return MEANINGS[self.name][0] if self.name in MEANINGS else in_words(self.name)

    @property
    def title(self) -> str:
        """The heading; inside a dict an unknown name may be that of a class, and stays as it is."""
        return self.heading if len(self.path) == 1 or self.name in MEANINGS else self.name

    @property
    def meaning(self) -> str | None:
        """In a few words; None where it is not known or goes without saying."""
        return MEANINGS.get(self.name, (None, None))[1]

    @property
    def level(self) -> str:
        """The table that shows it."""
        return next((level for start, level in LEVELS.items() if self.name.startswith(start)), "Other")

    @property
    def interval(self) -> tuple[float, float] | None:
        """The low and the high end, from a pair or from a dict with `low` and `high`."""
        found = self._aside("intervals", self.path)
        if isinstance(found, Mapping):
            found = (found.get("low"), found.get("high"))
        if isinstance(found, Sequence) and len(found) == 2 and all(map(is_number, found)):
            return (found[0], found[1])
        return None

    @property
    def reason(self) -> str:
        """Why it is null."""
        return self._known_reason() or "no reason was recorded"

    @property
    def is_missing(self) -> bool:
        """Whether nothing is said of it, not even that it is null."""
        return self.name not in (_at(self.whole, self.path[:-1]) or {}) and self._known_reason() is None

    @property
    def single(self) -> list["Metric"]:
        """The values in this dict."""
        return [metric for metric in self._inner() if not isinstance(metric.value, Mapping)]

    @property
    def tables(self) -> list["Metric"]:
        """The dicts in this dict."""
        return [metric for metric in self._inner() if isinstance(metric.value, Mapping)]

    @property
    def columns(self) -> list["Metric"]:
        """What the dicts in this dict hold, all together."""
        names = dict.fromkeys(inner.name for table in self.tables for inner in table._inner())
        return [self.at(name) for name in names]

    @property
    def name_of_rows(self) -> str:
        """What the dicts in this dict are, as far as its name says it: `class` of `per_class`."""
        return self.name.removeprefix("per_").replace("_", " ") if self.name.startswith("per_") else "name"

    def _inner(self) -> list["Metric"]:
        return [self.at(name) for name in self.value if name not in ASIDE] if isinstance(self.value, Mapping) else []

    def _known_reason(self) -> str | None:
        """What is said of itself, or of a dict that it is in."""
        for length in range(len(self.path), 0, -1):
            found = self._aside("reasons", self.path[:length])
            if isinstance(found, str):
                return found
        return None

    def _aside(self, name: str, path: tuple[str, ...]) -> Any:
        for depth in range(len(path) - 1, -1, -1):
            table, rest = _at(self.whole, (*path[:depth], name)), path[depth:]
            if isinstance(table, Mapping):
                for found in (_at(table, rest), table.get(".".join(rest))):
                    if found is not None:
                        return found
        return None


def _at(found: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
