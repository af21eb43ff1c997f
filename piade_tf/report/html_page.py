"""The run as one HTML page that needs nothing else: no network, no server, no other file."""

import base64
import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from piade_tf import program
from piade_tf.evaluation.mistakes import Mistake
from piade_tf.evaluation.threshold import promised_rate
from piade_tf.files import replacing
from piade_tf.report import page_text
from piade_tf.report.config_sections import config_sections
from piade_tf.report.metric import Metric
from piade_tf.report.mistakes_gallery import gallery
from piade_tf.report.notable_epochs import notable_epochs
from piade_tf.report.page_figures import page_figures
from piade_tf.report.run_facts import image_counts, run_facts
from piade_tf.report.score_columns import count_wrong, score_columns
from piade_tf.report.term_names import term_name
from piade_tf.report.threshold_now import ThresholdNow

TEMPLATES = Environment(
    loader=PackageLoader("piade_tf.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {name: getattr(page_text, name) for name in ("number", "share", "percents", "ends", "option")}
TEMPLATES.filters["term_name"] = term_name
TEMPLATES.filters["sha256"] = lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
TEMPLATES.tests["finite"] = page_text.is_number
TEMPLATES.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """What the page shows; plain data, as the other files of a run hold it.

    Anything that is text may hold any character. Whatever is missing or empty is left out or said to be missing.
    """

    title: str
    config: Mapping[str, Any]  # as in config.json; of a later evaluation, `evaluated`: its dataset and normal_class
    metrics: Mapping[str, Any]  # as in metrics.json; of a null, `reasons` says why
    threshold: Mapping[str, Any] | None  # value, promised_fpr and a sentence about both; None: none was chosen
    figures: Sequence[tuple[Path, str]]  # (PNG file, what to look for in it)
    # Columns of one length: image, class, pred_score, label and verdict (0 normal, 1 anomalous, None unknown, or the
    # words), percentile (0 to 100, among held-out normal images). The last two may be missing.
    rows: Mapping[str, Sequence[Any] | np.ndarray]
    mistakes: Sequence[Mistake]  # the worst of each kind first, or good images, the most unusual first
    history: Mapping[str, Sequence[float]]  # a value an epoch by term
    map_limit: float = 0.0  # the threshold of anomaly maps, which sets the scale of their colours; 0: not known
    threshold_now: ThresholdNow = ThresholdNow()  # what was changed since the training
    good_only: bool = False  # whether nothing was tested, and the rows are the images that the threshold comes from


def write_report(path: Path, content: ReportContent) -> None:
    """Writes the page, whole or not at all.

    Raises:
        ValueError: the columns of `rows` differ in length or one that is needed is missing.
        OSError: a figure cannot be read or the page cannot be written.
    """
    page = render(content)
    with replacing(path) as temporary:
        # A file name may hold bytes that are no text; Python keeps them as lone surrogates, which UTF-8 has not.
        temporary.write_bytes(page.encode("utf-8", "replace"))


def render(content: ReportContent) -> str:
    """The page as text."""
    config, metrics = content.config, Metric(content.metrics)
    at_threshold = metrics.at("at_threshold")
    confusion = {name: at_threshold.at(name).value for name in ("TP", "FN", "FP", "TN")}
    whole = all(isinstance(count, int) for count in confusion.values())
    columns = score_columns(content.rows)
    threshold = content.threshold or {"value": None, "promised_fpr": None, "sentence": None}
    history = {term: values for term, values in content.history.items() if len(values)}
    return TEMPLATES.get_template("page.html").render(
        title=content.title,
        facts=run_facts(config),
        metrics=metrics,
        confusion=confusion if whole else None,
        promised_rate=promised_rate(threshold.get("promised_fpr"), threshold.get("guarantee")),
        threshold=threshold,
        images=image_counts(config, metrics),
        figures=page_figures(content.figures, content.good_only),
        gallery=gallery(content.mistakes, columns, content.map_limit),
        good_only=content.good_only,
        is_judged=any(verdict >= 0 for verdict in columns.get("verdict", ())),
        are_mistakes=any(count_wrong(columns, label) for label in (0, 1)),
        rows=columns,
        history=history,
        epochs=notable_epochs(history),
        commands=[re.split(r"(?<= )(?=--)", line) for line in content.threshold_now.commands(config)],
        export_command=program.command("export"),
        commit=config.get("git_commit"),
        sections=config_sections(content.threshold_now.noted(config)),
    )
