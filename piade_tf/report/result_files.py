"""What a run, or a later evaluation, writes about a labelled split: metrics, scores, figures, report."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from piade_tf.data import LabelledSplit
from piade_tf.evaluation.flatness import flat_warning
from piade_tf.evaluation.metrics import all_metrics
from piade_tf.evaluation.mistakes import Mistake, worst_mistakes
from piade_tf.evaluation.results import Results
from piade_tf.evaluation.scored_split import Scored
from piade_tf.evaluation.threshold import Threshold, explain
from piade_tf.report.figure_captions import figures_in
from piade_tf.report.figures import write_figures
from piade_tf.report.html_page import ReportContent, write_report
from piade_tf.report.mistakes_figure import write_mistakes_figure
from piade_tf.run_directory import RunDirectory


def write_results(
    run: RunDirectory,
    config: dict[str, Any],
    title: str,
    inspection: keras.Model,
    split: LabelledSplit,
    results: Results,
    threshold: Threshold,
    history: dict[str, list[float]],
    known: dict[str, Any],
) -> dict[str, Any]:
    """Writes `scores.csv`, `metrics.json`, the figures and `report.html`.

    Args:
        run: where to.
        config: the content of `config.json`.
        title: over figures and report.
        inspection: as `ScoreSet.inspection_model` gives it.
        split: the images.
        results: their scores.
        threshold: decides which are taken for anomalous.
        history: of the training, a value an epoch by name; may be empty.
        known: metrics of another kind, such as the time that training took.

    Returns:
        The metrics.
    """
    scored = results.scored
    run.write_scores(split, scored, threshold)
    metrics = all_metrics(split, scored, threshold, results.pixels, results.own_pixels) | known
    examples = results.examples
    if warning := flat_warning(examples.images, examples.reconstructions, examples.labels):
        metrics["warnings"] = [warning]
    run.write_metrics(metrics)
    figures = run.figures()
    write_figures(figures, results.examples, split.labels, scored.pred_score, history, title, threshold.value)
    mistakes = worst_mistakes(inspection, split, scored.pred_score, threshold.value)
    write_mistakes_figure(figures / "mistakes.png", mistakes, title)
    content = report_content(config, title, metrics, threshold, split, scored, figures, mistakes, history)
    write_report(run.path / "report.html", content)
    return metrics


def report_content(
    config: dict[str, Any],
    title: str,
    metrics: dict[str, Any],
    threshold: Threshold,
    split: LabelledSplit,
    scored: Scored,
    figures: Path,
    mistakes: list[Mistake],
    history: dict[str, list[float]],
) -> ReportContent:
    """What the page shows; arguments as those of `write_results`, and the folder of the figures."""
    return ReportContent(
        title=title,
        config=config,
        metrics=metrics,
        threshold={
            **dataclasses.asdict(threshold),
            "guarantee": threshold.guarantee,
            "sentence": explain(threshold),
        },
        figures=figures_in(figures),
        rows={
            "image": split.ids,
            "class": split.classes,
            "label": split.labels,
            "pred_score": scored.pred_score,
            "percentile": threshold.percentile(scored.pred_score),
            "verdict": threshold.is_anomalous(scored.pred_score).astype(int),
        },
        mistakes=mistakes,
        history=history,
    )
