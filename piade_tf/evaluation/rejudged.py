"""Metrics of images whose scores are known, at another threshold."""

import copy
from typing import Any

import numpy as np

from piade_tf.evaluation.metrics import confusion, why_missing
from piade_tf.evaluation.threshold import Threshold


def rejudged(
    metrics: dict[str, Any], labels: np.ndarray, classes: np.ndarray, scores: np.ndarray, threshold: Threshold
) -> dict[str, Any]:
    """The same metrics with what depends on the threshold computed again: `at_threshold`, its intervals and reasons,
    and the share of each class that is flagged.

    Args:
        metrics: as `all_metrics` gives them.
        labels, classes, scores: `(n,)`, of the images that they were computed on.
        threshold: the new one.
    """
    found = copy.deepcopy(metrics)
    if not len(labels):
        return found
    flagged = threshold.is_anomalous(scores)
    counts = confusion(labels, flagged)
    ends = {name: counts.pop(name) for name in list(counts) if name.endswith("_interval")}
    found["at_threshold"] = counts
    found["intervals"].pop("at_threshold", None)
    of_rates = {name.removesuffix("_interval"): list(pair) for name, pair in ends.items() if pair}
    if of_rates:
        found["intervals"]["at_threshold"] = of_rates
    kept = {name: why for name, why in found["reasons"].items() if not name.startswith("at_threshold.")}
    undefined = [name for name, value in counts.items() if value is None]
    found["reasons"] = kept | {f"at_threshold.{name}": why_missing(labels, name) for name in undefined}
    for name, row in found["per_class"].items():
        row["flagged"] = float(flagged[np.asarray(classes).astype(str) == name].mean())
    return found
