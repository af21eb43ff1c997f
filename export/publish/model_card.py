"""`MODEL_CARD.md`: what a reader must know before relying on a file."""

from pathlib import Path
from typing import Any

from export.formats import FORMATS
from export.publish.manifest import is_measured
from export.publish.verdict import is_outdated, ships, verdict
from piade_tf.evaluation.threshold import Threshold, explain
from piade_tf.files import replacing
from piade_tf.report.page_text import ends

CITATION = (
    "P. Mishra, C. Piciarelli, G. L. Foresti, A neural network for image anomaly detection with deep pyramidal "
    "representations and dynamic routing, International Journal of Neural Systems 30(10), 2050060, 2020, "
    "doi 10.1142/S0129065720500604"
)


def write_model_card(path: Path, config: dict[str, Any], manifest: dict[str, Any], later: int) -> None:
    """Writes the card from `config.json` and `manifest.json`.

    Args:
        path: of the card.
        config, manifest: the content of these.
        later: calibration images that no statistics have seen, as `joined_later` finds them.
    """
    with replacing(path) as temporary:
        temporary.write_text(model_card(config, manifest, later), encoding="utf-8", errors="backslashreplace")


def model_card(config: dict[str, Any], manifest: dict[str, Any], later: int) -> str:
    """The card in Markdown."""
    options, counts, files = config["options"], config["counts"], manifest["files"]
    height, width, channels = config["image_shape"]
    shipping = sum(map(ships, files.values()))
    nor = ", nor those that shipped with an earlier threshold alone" if any(map(is_outdated, files.values())) else ""
    sections = [
        f"# {manifest['run']}",
        "Tells normal images from anomalous ones. Trained on normal images alone, with PIADE-TF "
        f"{manifest['version']}; it was never shown an anomaly.",
        "## Data and protocol",
        _list(
            {
                "data set": options["data"]["dataset"],
                "layout": config["layout"],
                "normal": config["normal_class"],
                "image": f"{height} x {width} pixels, {'colour' if channels == 3 else 'grey'}",
                **_good_images(counts, options.get("calibration") == "folds", later),
                "test images": counts["test"],
                "score": f"{options['score']}; higher is more anomalous",
                "seed": options["training"]["seed"],
                "fingerprint of the data": config["data_fingerprint"],
                "commit": config["git_commit"] or "not from a checkout",
            }
        ),
        "## Metrics",
        f"{_compared(manifest)} {_keras(manifest)}",
        _comparison(manifest),
        "## Threshold",
        "\n".join(f"- `{name}`: {_threshold(entry)}" for name, entry in files.items()),
        "## Size and speed",
        f"On {manifest['machine']['processor']}, {manifest['machine']['cores']} cores, {_batch(manifest)} at a time, "
        "warm; milliseconds an image, median and 95th percentile. Phones differ: measure there.",
        table(
            ("file", "KiB", "1 thread", "2 threads", "memory, MiB"),
            [(f"{name} ({FORMATS[name].summary})", *_costs(entry)) for name, entry in files.items()],
        ),
        "## Limits",
        "- A promise about false alarms holds for images that are taken like the calibration images: same camera, "
        "light, distance and product. Fit the threshold again when one of them changes.\n"
        "- Nothing is promised about how many anomalies are found: that depends on what they are. Anomalies smaller "
        "than a few pixels after resizing are likely to be missed.\n"
        "- Images must be prepared as the metadata of the files say.\n"
        f"- {shipping} of {len(files)} files ship; those in `rejected/` must not be used{nor}.",
        "## Licence and citation",
        "PIADE-TF is under the MIT licence. The network carries what its training images allow: mind their licence.\n\n"
        f"> {CITATION}",
    ]
    return "\n\n".join(sections) + "\n"


def _batch(manifest: dict[str, Any]) -> str:
    batch = manifest.get("batch", 1)  # exports of earlier versions do not say
    return "one image" if batch == 1 else f"{batch} images"


def _compared(manifest: dict[str, Any]) -> str:
    compared = manifest["compared_on"]
    said = (
        f"A file ships if it gives the run's verdicts on {compared['validation']} validation images and on "
        f"{compared['synthetic_defects']} with synthetic defects: it is rejected if surely more than "
        f"{compared['verdicts_may_differ']:.1%} of them differ."
    )
    if manifest["keras"]["image_AUROC"] is None:
        return said
    tested = f"{manifest['n_normal']} normal and {manifest['n_anomalous']} anomalous test images"
    return f"{said} The AUROC, on {tested}, does not decide."


def _keras(manifest: dict[str, Any]) -> str:
    auroc = manifest["keras"]["image_AUROC"]
    if auroc is None:
        return "There were no labelled anomalies: nothing here says how many are found."
    return f"The Keras model has an image AUROC of {auroc:.4f}."


def _comparison(manifest: dict[str, Any]) -> str:
    """How each file compares with the run: on test images, where there are anomalies, and by what decides."""
    on_test = manifest["keras"]["image_AUROC"] is not None
    header = ("image AUROC, 95 % interval", "loss") if on_test else ()
    rows = []
    for name, entry in manifest["files"].items():
        rows.append((name, *_differences(entry, on_test), verdict(entry)))
    return table(("file", *header, "rank correlation", "verdicts that differ", "verdict"), rows)


def _differences(entry: dict[str, Any], on_test: bool) -> tuple[str, ...]:
    """AUROC and loss, if `on_test`, rank correlation, verdicts that differ."""
    if not is_measured(entry):
        return ("not measured",) * (4 if on_test else 2)
    decisive = f"{entry['rank_correlation']:.4f}", f"{entry['verdicts_differ']} of {entry['verdicts']}"
    if not on_test:
        return decisive
    auroc = f"{entry['image_AUROC']:.4f} ({ends(entry['image_AUROC_interval'], 4)})"
    return (auroc, f"{entry['image_AUROC_loss']:.4f}", *decisive)


def _good_images(counts: dict[str, int], in_folds: bool, later: int) -> dict[str, int]:
    """How many there are of each kind, and what they serve for."""
    if in_folds:
        return {
            "good images (statistics; standardisation and thresholds in folds)": sum(
                counts[name] for name in ("train", "validation", "calibration")
            )
            - later,
            "of these, for early stopping and whether a file ships": counts["validation"],
            "of these, for the ranges of integers, at most 100 of": counts["train"],
            **({"good images that joined later (thresholds)": later} if later else {}),
        }
    return {
        "training images (statistics, and ranges of integers)": counts["train"],
        "validation images (early stopping, standardisation, and whether a file ships)": counts["validation"],
        "calibration images (thresholds)": counts["calibration"],
    }


def _costs(entry: dict[str, Any]) -> tuple[str, ...]:
    """KiB, milliseconds on one thread and on two, MiB."""
    if not is_measured(entry):
        return ("not measured",) * 4
    latencies = (_latency(entry, key) for key in ("1_thread", "2_threads"))
    return (f"{entry['bytes'] / 1024:.0f}", *latencies, f"{entry['peak_bytes'] / 2**20:.0f}")


def _threshold(entry: dict[str, Any]) -> str:
    if not is_measured(entry):
        return "none, since the file has no scores."
    threshold = Threshold(**{**entry["threshold"], "quantiles": tuple(entry["threshold"]["quantiles"])})
    if threshold.optimistic:  # to count on these images would be circular
        return f"{explain(threshold)} The test images chose it, and say nothing about it."
    return f"{explain(threshold)} {_realised(entry)}"


def _realised(entry: dict[str, Any]) -> str:
    counts = entry["at_threshold"]
    if counts is None:
        return "There are no test images to count false alarms on."
    said = [f"{counts['FP']} of {counts['FP'] + counts['TN']} normal images were flagged"]
    if counts["TP"] + counts["FN"]:
        said.append(f"{counts['TP']} of {counts['TP'] + counts['FN']} anomalous ones found")
    return ", ".join(said) + "."


def _latency(entry: dict[str, Any], threads: str) -> str:
    times = entry["latency_ms"].get(threads)
    return f"{times['median']:.2f} / {times['p95']:.2f}" if times else "not measured"


def _list(values: dict[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
