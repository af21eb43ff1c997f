"""What a run, or a later evaluation, writes about a labelled split: metrics, scores, figures, report."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from piade_tf.data import LabelledSplit
from piade_tf.data.known_images import KnownImage, calibration_images
from piade_tf.evaluation.flatness import flat_warning
from piade_tf.evaluation.metrics import all_metrics
from piade_tf.evaluation.mistakes import Mistake, worst_mistakes
from piade_tf.evaluation.results import Results
from piade_tf.evaluation.scored_split import Scored
from piade_tf.evaluation.threshold import Threshold, explain, parse_method
from piade_tf.report.figure_captions import figures_in
from piade_tf.report.figures import Limits, write_figures
from piade_tf.report.html_page import ReportContent, write_report
from piade_tf.report.mistakes_figure import write_mistakes_figure
from piade_tf.report.threshold_now import ThresholdNow
from piade_tf.run_directory import RunDirectory


@dataclasses.dataclass(frozen=True)
class Judged:
    """What a report says of images.

    Attributes:
        split: the test images; perhaps none.
        scored: their scores.
        threshold: decides which are taken for anomalous.
        map_threshold: the same for places of an anomaly map.
        known: every image of the run; shown are those that the threshold was chosen from, where there are no test
            images.
    """

    split: LabelledSplit
    scored: Scored
    threshold: Threshold
    map_threshold: Threshold
    known: Sequence[KnownImage] = ()

    @property
    def good_only(self) -> bool:
        """Whether good images are all there are to show."""
        return not self.split.count and bool(self.known)

    @property
    def limits(self) -> Limits:
        """The thresholds for figures."""
        by_hand = parse_method(self.threshold.method).kind == "value"
        aside = "set by hand, promises nothing" if by_hand else ""
        return Limits(self.threshold.value, self.map_threshold.value, aside)

    def rows(self, normal_class: str) -> dict[str, Any]:
        """The table of all scores, as `ReportContent` has it."""
        scores: Any = self.scored.pred_score
        if self.good_only:
            shown = calibration_images(self.known)
            scores = np.array([one.pred_score for one in shown], "float64")
            images, labels = [one.image for one in shown], np.zeros(len(shown), int)
            rows = {"image": images, "class": np.full(len(shown), normal_class), "label": labels}
        else:
            rows = {"image": self.split.ids, "class": self.split.classes, "label": self.split.labels}
        return rows | {
            "pred_score": scores,
            "percentile": self.threshold.percentile(scores),
            "verdict": self.threshold.is_anomalous(scores).astype(int),
        }


def write_results(
    run: RunDirectory,
    config: dict[str, Any],
    title: str,
    inspection: keras.Model,
    results: Results,
    judged: Judged,
    history: dict[str, list[float]],
    other: dict[str, Any],
    unusual: Sequence[Mistake] = (),
) -> dict[str, Any]:
    """Writes `scores.csv`, `metrics.json`, the figures and `report.html`.

    Args:
        run: where to.
        config: the content of `config.json`.
        title: over figures and report.
        inspection: as `ScoreSet.inspection_model` gives it.
        results: of the test images, with examples to show.
        judged: what they are judged by.
        history: of the training, a value an epoch by name; may be empty.
        other: metrics of another kind, such as the time that training took.
        unusual: good images to look at, where there are no test images.

    Returns:
        The metrics.
    """
    split, scored, threshold = judged.split, judged.scored, judged.threshold
    run.write_scores(split, scored, threshold)
    metrics = all_metrics(split, scored, threshold, results.pixels, results.own_pixels) | other
    examples = results.examples
    if warning := flat_warning(examples.images, examples.reconstructions, examples.labels):
        metrics["warnings"] = [warning]
    run.write_metrics(metrics)
    write_judged_figures(run.figures(), results.examples, judged, config["normal_class"], history, title)
    mistakes = worst_mistakes(inspection, split, scored.pred_score, threshold.value)
    write_page(run.path, config, title, metrics, judged, mistakes or unusual, history)
    return metrics


def write_judged_figures(
    folder: Path, examples: Any, judged: Judged, normal_class: str, history: dict[str, list[float]], title: str
) -> None:
    """Writes the figures of test images, or of the good ones where there are no others; as `write_figures`."""
    rows = judged.rows(normal_class)
    names = ("good", "anomalous") if judged.good_only else ("normal", "anomalous")
    write_figures(folder, examples, rows["label"], rows["pred_score"], history, title, judged.limits, names)


def write_page(
    folder: Path,
    config: dict[str, Any],
    title: str,
    metrics: dict[str, Any],
    judged: Judged,
    to_look_at: Sequence[Mistake],
    history: dict[str, list[float]],
) -> None:
    """Writes `figures/mistakes.png` and `report.html`; arguments as those of `write_results`.

    Args:
        folder: of the run, with all other figures.
        to_look_at: mistakes, or unusual good images.
    """
    figures, limit = folder / "figures", judged.map_threshold.value
    mistakes = [one for one in to_look_at if one.kind != "unusual"]
    write_mistakes_figure(figures / "mistakes.png", mistakes, title, limit)
    content = ReportContent(
        title=title,
        config=config,
        metrics=metrics,
        threshold={
            **dataclasses.asdict(judged.threshold),
            "guarantee": judged.threshold.guarantee,
            "sentence": explain(judged.threshold),
        },
        figures=figures_in(figures, judged.good_only),
        rows=judged.rows(config["normal_class"]),
        mistakes=to_look_at,
        history=history,
        map_limit=limit,
        threshold_now=ThresholdNow.of(config, judged.threshold, judged.map_threshold, judged.known),
        good_only=judged.good_only,
    )
    write_report(folder / "report.html", content)
