"""What TensorBoard shows of a finished run."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.pr_curve import summary as pr_curve_summary

from piade_tf.evaluation.results import Results
from piade_tf.report.map_scale import SAID, last_colour
from piade_tf.report.tensorboard_options import METRICS
from piade_tf.report.tensorboard_summaries import KINDS, encode, markdown_table, pictures_of, write_png, write_summary

RESULT_SUFFIX = ".result"  # of the event file
RESULT = "Of all test images, by the finished detector; the steps say nothing."


def log_result(
    folder: Path,
    metrics: dict[str, Any],
    history: dict[str, list[float]],
    labels: np.ndarray,
    results: Results,
    map_limit: float,
    figures: Path,
) -> None:
    """Writes what a finished run is worth: metrics, examples, score histograms, the curves.

    Args:
        folder: as the `TensorBoardLog` of the run had it.
        metrics: as in `metrics.json`; those that are None are left out.
        history: a value an epoch by name, as `fit` returns it.
        labels: `(images,)` of the test images, 0 normal and 1 anomalous.
        results: the scores of the same images, and examples with the anomaly maps of the score that decides.
        map_limit: the threshold of anomaly maps, which has the colour in the middle; 0: not known.
        figures: folder of the PNG files to show.
    """
    labels, scores, examples = np.asarray(labels), results.scored.pred_score, results.examples
    for earlier in folder.glob(f"*{RESULT_SUFFIX}"):  # of a process that was killed
        earlier.unlink()
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=RESULT_SUFFIX)
    with writer.as_default(step=len(history["loss"])):
        values = _plain_metrics(metrics) | {"val_loss": min(history["val_loss"])}
        for name in METRICS:
            if values.get(name) is not None:
                tf.summary.scalar(f"result/{name}", values[name])
        tf.summary.text("metrics", markdown_table(values))
        maps = examples.anomaly_maps
        images, scale = (examples.images, examples.reconstructions), (0.0, last_colour(map_limit, maps))
        for kind, picture in pictures_of(examples.labels, *images, maps, scale).items():
            write_png(f"examples_anomaly_map/{kind}", encode(picture), f"Image, reconstruction, {SAID}.")
        for label in np.unique(labels):
            for step in (0, len(history["loss"])):  # the Distributions tab draws nothing of a single step
                name = f"result_score/{KINDS[label]}"
                tf.summary.histogram(name, scores[labels == label], step, description=RESULT)
        if len(np.unique(labels)) == len(KINDS):
            write_summary(_precision_recall(labels, scores))
        for path in sorted(figures.glob("*.png")):
            write_png(f"figures/{path.stem}", path.read_bytes())
        write_summary(hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS))
    writer.close()


def _plain_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics that are one number, a text or None; those of each score and at the threshold with their names."""
    by_score = {f"image_AUROC of {name}": value for name, value in (metrics["image_AUROC_by_score"] or {}).items()}
    at_threshold = {f"{name} at the threshold": value for name, value in metrics.get("at_threshold", {}).items()}
    plain = {
        name: " ".join(value) if isinstance(value, list) else value
        for name, value in metrics.items()
        if not isinstance(value, dict)
    }
    return plain | by_score | at_threshold


def _precision_recall(labels: np.ndarray, scores: np.ndarray):
    """The curve over the ranks of the scores: the plugin's thresholds are evenly spaced from 0 to 1."""
    ranks = np.searchsorted(np.sort(scores), scores, side="right") / len(scores)
    return pr_curve_summary.pb(
        "precision_recall",
        labels.astype(bool),
        ranks,
        description="A threshold is the share of test images with a lower score.",
    )
