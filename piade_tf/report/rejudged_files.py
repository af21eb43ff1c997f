"""The files of a run that show a threshold, written again for another one."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.data.known_images import KnownImage
from piade_tf.evaluation.mistakes import Mistake
from piade_tf.evaluation.picked_examples import Examples
from piade_tf.evaluation.rejudged import rejudged
from piade_tf.evaluation.threshold import Threshold
from piade_tf.file_set import remove_with
from piade_tf.report.palette import PALETTES
from piade_tf.report.result_files import Judged, write_judged_figures, write_page
from piade_tf.run_directory import RunDirectory

WITH_SCALE = "anomaly_maps.png"  # shows the threshold of maps


def has_examples(run: RunDirectory) -> bool:
    """Whether the figures of examples are there for every page; those of earlier versions were for light ones."""
    return all((run.path / "figures" / colours.folder / WITH_SCALE).exists() for colours in PALETTES)


@dataclasses.dataclass(frozen=True)
class Pictures:
    """What is drawn of images.

    Attributes:
        to_look_at: the worst mistakes at the new threshold, or the most unusual good images.
        examples: for figures that are drawn again; None: they are as they should be, or the images cannot be had.
        scale_is_new: whether the threshold of maps is another one.
    """

    to_look_at: Sequence[Mistake] = ()
    examples: Examples | None = None
    scale_is_new: bool = False


def write_rejudged(
    run: RunDirectory,
    new: Path,
    config: dict[str, Any],
    title: str,
    threshold: Threshold,
    map_threshold: Threshold,
    known: Sequence[KnownImage],
    pictures: Pictures,
) -> dict[str, Any]:
    """Writes thresholds, metrics, scores, figures and report of a run from what it has.

    Args:
        run: as it is.
        new: the folder for the files.
        config: the content of `config.json`.
        title: over figures and report.
        threshold, map_threshold: the new ones.
        known: every image of the run.
        pictures: what needs images.

    Returns:
        The metrics.
    """
    split, scored = run.read_scores()
    judged = Judged(split, scored, threshold, map_threshold, known)
    target = RunDirectory(new)
    target.write_threshold(threshold, map_threshold)
    target.write_scores(split, scored, threshold)
    metrics = rejudged(run.read_metrics(), split.labels, split.classes, scored.pred_score, threshold)
    target.write_metrics(metrics)
    if (run.path / "figures").is_dir():
        shutil.copytree(run.path / "figures", new / "figures")
    outdated = [WITH_SCALE] if pictures.scale_is_new and pictures.examples is None else []
    outdated += [] if pictures.to_look_at else ["mistakes.png"]
    for name in (f"figures/{colours.folder}/{name}" for name in outdated for colours in PALETTES):
        (new / name).unlink(missing_ok=True)
        remove_with(new, name)
    examples = pictures.examples or _no_examples()
    history = run.read_history()
    write_judged_figures(new / "figures", examples, judged, config["normal_class"], history, title)
    write_page(new, config, title, metrics, judged, pictures.to_look_at, history)
    return metrics


def _no_examples() -> Examples:
    """Figures of examples stay as they are."""
    none = np.zeros((0, 1, 1, 1), "float32")
    empty = np.zeros(0)
    return Examples(none, none, none[..., 0], empty.astype(int), empty.astype(str), empty, empty)
