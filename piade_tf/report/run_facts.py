"""What a run learned from and was tested on, in a few words."""

from collections.abc import Mapping
from typing import Any

from piade_tf.report.metric import Metric


def run_facts(config: Mapping[str, Any]) -> dict[str, str]:
    """Data set, normal class and size of the images by their names; unknown ones are left out.

    Args:
        config: as `config.json` holds it; of a later evaluation, with `evaluated`: its dataset and normal_class.
    """
    data = config.get("options", {}).get("data", {})
    trained = {"dataset": data.get("dataset"), "normal_class": config.get("normal_class")}
    tested = config.get("evaluated") or trained
    facts = {
        "data set": tested["dataset"],
        "normal class": tested["normal_class"],
        "images": " \N{MULTIPLICATION SIGN} ".join(map(str, config.get("image_shape", ()))),
        "trained on": None if tested is trained else f"{trained['dataset']}, normal: {trained['normal_class']}",
    }
    return {name: value for name, value in facts.items() if value}


def image_counts(config: Mapping[str, Any], metrics: Metric) -> list[str]:
    """How many images there were for each purpose, such as `learned from 5,400`; unknown ones are left out."""
    counts = config.get("counts", {})
    verbs = {"train": "learned from", "validation": "validated on", "calibration": "threshold from"}
    if config.get("options", {}).get("calibration") == "folds":
        counts = {"good": sum(counts.get(name, 0) for name in verbs)}
        verbs = {"good": "learned, and threshold in folds, from"}
    parts = [f"{verb} {counts[name]:,}" for name, verb in verbs.items() if counts.get(name) is not None]
    normal, anomalous = metrics.at("n_normal").value, metrics.at("n_anomalous").value
    tested = bool(normal or anomalous)
    return [*parts, f"tested on {normal or 0:,} normal and {anomalous or 0:,} anomalous"] if tested else parts
