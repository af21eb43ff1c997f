"""The files of a run that show a threshold, written again for another one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.evaluation.mistakes import Mistake
from piade_tf.evaluation.picked_examples import Examples
from piade_tf.evaluation.rejudged import rejudged
from piade_tf.evaluation.threshold import Threshold
from piade_tf.file_set import remove_with
from piade_tf.report.figures import write_figures
from piade_tf.report.html_page import write_report
from piade_tf.report.mistakes_figure import write_mistakes_figure
from piade_tf.report.result_files import report_content
from piade_tf.run_directory import RunDirectory


def write_rejudged(
    run: RunDirectory,
    new: Path,
    config: dict[str, Any],
    title: str,
    threshold: Threshold,
    map_threshold: Threshold,
    mistakes_at: Callable[[Threshold], list[Mistake]],
) -> dict[str, Any]:
    """Writes thresholds, metrics, scores, figures and report of a run from what it has, no image needed but mistakes.

    Args:
        run: as it is.
        new: the folder for the files.
        config: the content of `config.json`.
        title: over figures and report.
        threshold, map_threshold: the new ones.
        mistakes_at: the worst mistakes at a threshold, with their images; empty where these cannot be had.

    Returns:
        The metrics.
    """
    split, scored = run.read_scores()
    target = RunDirectory(new)
    target.write_threshold(threshold, map_threshold)
    target.write_scores(split, scored, threshold)
    metrics = rejudged(run.read_metrics(), split.labels, split.classes, scored.pred_score, threshold)
    target.write_metrics(metrics)
    figures = new / "figures"
    if (run.path / "figures").is_dir():
        shutil.copytree(run.path / "figures", figures)
    figures.mkdir(exist_ok=True)
    write_figures(figures, _no_examples(), split.labels, scored.pred_score, {}, title, threshold.value)
    mistakes = mistakes_at(threshold)
    if write_mistakes_figure(figures / "mistakes.png", mistakes, title) is None:
        remove_with(new, "figures/mistakes.png")
    history = run.read_history()
    content = report_content(config, title, metrics, threshold, split, scored, figures, mistakes, history)
    write_report(new / "report.html", content)
    return metrics


def _no_examples() -> Examples:
    """Figures of examples show no threshold, and stay."""
    none = np.zeros((0, 1, 1, 1), "float32")
    empty = np.zeros(0)
    return Examples(none, none, none[..., 0], empty.astype(int), empty.astype(str), empty, empty)
