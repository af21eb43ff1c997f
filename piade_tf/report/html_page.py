"""The run as one HTML page that needs nothing else: no network, no server, no other file."""

import base64
import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.evaluation.mistakes import Mistake
from piade_tf.evaluation.threshold import percent_rounded_up
from piade_tf.files import replacing
from piade_tf.report import inline_images
from piade_tf.report.figure_captions import alt_text, figure_title
from piade_tf.report.heatmap import coloured, overlay
from piade_tf.report.inline_images import Picture
from piade_tf.report.markup import Markup, element, join
from piade_tf.report.metrics_html import Metrics, interval_text, is_number, metrics_section, number, scrolling, title_of
from piade_tf.report.mistakes_figure import BLOCKS, map_limits
from piade_tf.report.rerun_command import rerun_command

TEMPLATE = Path(__file__).parent / "templates" / "report.html"
SMALL_SIDE = 64  # images below it are enlarged without smoothing
DIGITS = 6  # of a score: its verdict is given beside it


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """What the page shows; plain data, as the other files of a run hold it.

    Anything that is text may hold any character. Whatever is missing or empty is left out or said to be missing.
    """

    title: str
    config: Mapping[str, Any]  # as in config.json; of a later evaluation, `evaluated`: its dataset and normal_class
    metrics: Mapping[str, Any]  # as in metrics.json; of a null, `reasons` says why
    # method, value, n (images it was chosen on), promised_fpr, sentence; None: no threshold was chosen
    threshold: Mapping[str, Any] | None
    figures: Sequence[tuple[Path, str]]  # (PNG file, what to look for in it)
    # Columns of one length: image, class, pred_score, label and verdict (0 normal, 1 anomalous, None unknown, or the
    # words), percentile (0 to 100, among held-out normal images). The last two may be missing.
    rows: Mapping[str, Sequence[Any] | np.ndarray]
    mistakes: Sequence[Mistake]  # the worst of each kind first
    history: Mapping[str, Sequence[float]]  # a value an epoch by term


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
    template = TEMPLATE.read_text(encoding="utf-8")
    return _filled(
        template,
        {
            "csp": _policy(template),
            "title": join(content.title),
            "head": _head(content),
            "metrics": metrics_section(content.metrics) if content.metrics else _muted("No metrics were computed."),
            "figures": _figures(content.figures),
            "mistakes": _mistakes(content),
            "history": _history(content.history),
            "config": _config(content.config),
            "rows": _rows_json(content.rows),
        },
    )


def _filled(template: str, parts: Mapping[str, str]) -> str:
    # In one pass, so that a {{name}} inside the data stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def _policy(template: str) -> Markup:
    """Only the page's own style and script run: whatever slipped in with the data would have another hash."""

    def source(tag: str) -> str:
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", template, re.DOTALL)
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return Markup(
        f"default-src 'none'; img-src data:; style-src {source('style')}; script-src {source('script')}; "
        "base-uri 'none'; form-action 'none'"
    )


# Head


def _head(content: ReportContent) -> Markup:
    metrics = Metrics(content.metrics)
    config = content.config
    data = config.get("options", {}).get("data", {}) if isinstance(config.get("options"), Mapping) else {}
    trained = {
        "dataset": data.get("dataset") if isinstance(data, Mapping) else None,
        "normal_class": config.get("normal_class"),
    }
    tested = config.get("evaluated") or trained
    facts = [
        ("data set", tested["dataset"]),
        ("normal class", tested["normal_class"]),
        ("images", _shape(config.get("image_shape"))),
        ("trained on", None if tested is trained else f"{trained['dataset']}, normal: {trained['normal_class']}"),
    ]
    named = [element("div", element("dt", name), element("dd", value)) for name, value in facts if value]
    return join(
        element("dl", *named, class_="facts") if named else None,
        element("div", *_tiles(metrics, content.threshold), class_="tiles"),
        *(element("p", element("b", "Warning"), ": ", text, ".", class_="warning") for text in _warnings(metrics)),
        element("p", _auroc_sentence(metrics), class_="verdict"),
        element("p", _threshold_sentence(metrics, content.threshold)),
        element("p", _counts_sentence(metrics, config), class_="muted"),
    )


def _warnings(metrics: Metrics) -> list[str]:
    found = metrics.get("warnings")
    return [str(text) for text in found] if isinstance(found, list | tuple) else []


def _tiles(metrics: Metrics, threshold: Mapping[str, Any] | None) -> list[Markup]:
    value = threshold.get("value") if threshold else None
    tiles = [("image AUROC", metrics.get("image_AUROC"), metrics.interval("image_AUROC"))]
    if isinstance(metrics.get("at_threshold"), Mapping):
        for name, words in (("TPR", "anomalies found"), ("FPR", "false alarms")):
            tiles.append((words, metrics.get("at_threshold", name), metrics.interval("at_threshold", name)))
    made = [
        element(
            "div",
            element("b", "–" if not is_number(value) else f"{value:.3f}" if name == "image AUROC" else _share(value)),
            element("span", name),
            element("small", "95\N{NO-BREAK SPACE}%: ", _ends(name, interval)) if interval else None,
        )
        for name, value, interval in tiles
    ]
    shown = element("b", f"{value:.4g}") if is_number(value) else "–"
    return [*made, element("div", shown, element("span", "threshold"), element("small", _promise(threshold)))]


def _ends(name: str, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.3f} to {high:.3f}" if name == "image AUROC" else f"{100 * low:.1f} to {_share(high)}"


def _promise(threshold: Mapping[str, Any] | None) -> str:
    promised = (threshold or {}).get("promised_fpr")
    if not is_number(promised):
        return "no promise"
    return f"for at most {percent_rounded_up(promised)}\N{NO-BREAK SPACE}% false alarms"


def _auroc_sentence(metrics: Metrics) -> Markup:
    value, interval = metrics.get("image_AUROC"), metrics.interval("image_AUROC")
    if not is_number(value):
        reason = metrics.reason("image_AUROC") or "no reason was recorded"
        return join("Image AUROC is not available: ", reason, ".")
    text = join(
        element("b", f"Image AUROC {value:.3f}"),
        f" (95\N{NO-BREAK SPACE}% interval {interval_text(interval)})" if interval else None,
    )
    return join(text, f": of a normal and an anomalous test image, the anomalous one scores higher {_often(value)}.")


def _often(value: float) -> str:
    return "every time" if value == 1 else f"in {_share(value)} of all pairs"


def _threshold_sentence(metrics: Metrics, threshold: Mapping[str, Any] | None) -> Markup:
    if not threshold or not is_number(threshold.get("value")):
        why = (threshold or {}).get("sentence") or "none was chosen, so no image was judged."
        return join(element("b", "No threshold"), ": ", why)
    if threshold.get("sentence"):
        return join(str(threshold["sentence"]), _seen(metrics))
    method, n = threshold.get("method"), threshold.get("n")
    origin = ", ".join(
        part for part in (method and str(method), n and f"from {number(n)} held-out normal images") if part
    )
    said = "It comes with no promise."
    if is_number(threshold.get("promised_fpr")):
        said = f"It is set so that at most {_percent(threshold['promised_fpr'])} of normal images are flagged."
    head = element("b", f"Threshold {threshold['value']:.4g}")
    return join(head, f" ({origin})" if origin else None, ". ", said, _seen(metrics))


def _seen(metrics: Metrics) -> str:
    """What became of the promise on the test images."""
    tp, fn, fp, tn = (metrics.get("at_threshold", name) for name in ("TP", "FN", "FP", "TN"))
    if not all(isinstance(count, int) for count in (tp, fn, fp, tn)):
        return ""
    parts = []
    if fp + tn:
        parts.append(f"{fp:,} of {fp + tn:,} normal images ({_share(fp / (fp + tn))})")
    if tp + fn:
        parts.append(f"{tp:,} of {tp + fn:,} anomalous ones ({_share(tp / (tp + fn))})")
    return f" On the test images it flagged {' and '.join(parts)}." if parts else ""


def _counts_sentence(metrics: Metrics, config: Mapping[str, Any]) -> str:
    counts = config.get("counts")
    counts = counts if isinstance(counts, Mapping) else {}
    verbs = {"train": "learned from", "validation": "validated on", "calibration": "threshold from"}
    parts = [f"{verb} {number(counts[name])}" for name, verb in verbs.items() if counts.get(name) is not None]
    normal, anomalous = metrics.get("n_normal"), metrics.get("n_anomalous")
    if normal is not None and anomalous is not None:
        parts.append(f"tested on {number(normal)} normal and {number(anomalous)} anomalous")
    return f"Images: {', '.join(parts)}." if parts else ""


def _shape(shape: Any) -> str | None:
    return " \N{MULTIPLICATION SIGN} ".join(map(str, shape)) if isinstance(shape, list | tuple) else None


def _percent(share: float) -> str:
    """Of a share that was chosen, such as 5 %."""
    return f"{100 * share:.3g}\N{NO-BREAK SPACE}%"


def _share(share: float) -> str:
    """Of a share that was measured, such as 5.0 %."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


# Pictures


def _img(picture: Picture, alt: str, **attributes: Any) -> Markup:
    return element("img", src=picture.uri, alt=alt, width=picture.width, height=picture.height, **attributes)


def _figures(figures: Sequence[tuple[Path, str]]) -> Markup:
    if not figures:
        return _muted("No figures were drawn.")
    pictures = [inline_images.figure(path) for path, _ in figures]
    wide = _take_a_row([picture.width > 1.4 * picture.height for picture in pictures])
    shown = []
    for (path, caption), picture, alone in zip(figures, pictures, wide, strict=True):
        button = element("button", _img(picture, alt_text(path)), class_="zoom", type="button", title="Enlarge")
        caption_text = element("figcaption", element("b", figure_title(path)), caption and join(". ", caption))
        shown.append(element("figure", button, caption_text, class_="wide" if alone else None))
    return element("div", *shown, class_="figures")


def _take_a_row(wide: Sequence[bool]) -> list[bool]:
    """Which figures have a row for themselves: those that are wide, and a narrow one with none to stand beside it."""
    alone, place = list(wide), 0
    while place < len(wide):
        pair = list(wide[place : place + 2]) == [False, False]
        alone[place] |= not pair
        place += 2 if pair else 1
    return alone


def _mistakes(content: ReportContent) -> Markup:
    truths, verdicts = _codes(content.rows.get("label")), _codes(content.rows.get("verdict"))
    if not content.mistakes:
        if not len(verdicts) or not np.any(verdicts >= 0):
            return _muted("No image was judged, so there are no mistakes to show.")
        wrong = _count_wrong(truths, verdicts)
        if not any(wrong.values()):
            return element("p", "No mistakes: every test image is on its side of the threshold.")
        return _muted("There are mistakes, but no pictures of them; the table below lists them.")
    wrong = _count_wrong(truths, verdicts)
    low, high = map_limits(content.mistakes)
    parts = []
    for kind, heading, label in BLOCKS:
        of_kind = [mistake for mistake in content.mistakes if mistake.kind == kind]
        total = max(wrong[kind], len(of_kind))
        known = f" (the worst {len(of_kind)} of {total:,})" if total > len(of_kind) else f" ({len(of_kind)})"
        dot = element("i", class_="dot normal" if label == 0 else "dot anomalous")
        parts.append(element("h3", dot, heading, known))
        cards = [_card(mistake, low, high) for mistake in of_kind]
        parts.append(element("div", *cards, class_="cards") if cards else _muted("None."))
    ramp = inline_images.thumbnail(coloured(np.linspace(0, 1, 128)[None], 0, 1))
    bar = element(
        "p",
        "Anomaly maps, one colour scale for all: ",
        element(
            "span", f"{low:.3g} ", _img(ramp, "from dark to bright", class_="ramp"), f" {high:.3g}", class_="scale"
        ),
        class_="muted",
    )
    return join(bar, *parts)


def _card(mistake: Mistake, low: float, high: float) -> Markup:
    views = {
        "image": mistake.image,
        "reconstruction": mistake.reconstruction,
        "anomaly map": coloured(mistake.anomaly_map, low, high),
        "overlay": overlay(mistake.image, mistake.anomaly_map, low, high),
    }
    figures = []
    for name, pixels in views.items():
        picture = inline_images.thumbnail(np.asarray(pixels))
        small = max(picture.width, picture.height) < SMALL_SIDE
        alt = f"{name} of {mistake.image_id}, class {mistake.class_name}"
        image = _img(picture, alt, class_="small" if small else None)
        figures.append(element("figure", image, element("figcaption", name)))
    head = element(
        "p",
        element("b", f"{mistake.score:.4g}", title="score"),
        element("bdi", mistake.class_name, title="class"),
        element("bdi", mistake.image_id, class_="muted", title="image"),
    )
    return element("article", head, element("div", *figures, class_="views"), class_="card")


def _count_wrong(truths: np.ndarray, verdicts: np.ndarray) -> dict[str, int]:
    if len(truths) != len(verdicts):
        return {kind: 0 for kind, _, _ in BLOCKS}
    return {kind: int(np.sum((truths == label) & (verdicts == 1 - label))) for kind, _, label in BLOCKS}


# History and configuration


def _history(history: Mapping[str, Sequence[float]]) -> Markup:
    """First, best and last value of each term; the best epoch is that of the least `val_loss`."""
    terms = {name: list(values) for name, values in history.items() if len(values)}
    if not terms:
        return _muted("No training was recorded.")
    epochs = max(len(values) for values in terms.values())
    val_loss = np.asarray(terms.get("val_loss", []), dtype=float)
    best = int(np.nanargmin(val_loss)) if np.isfinite(val_loss).any() else None
    places = {"epoch 1": 0} | ({f"epoch {best + 1} (best)": best} if best is not None else {})
    places |= {f"epoch {epochs} (last)": epochs - 1} if epochs > 1 else {}
    header = element("tr", *(element("th", name, scope="col") for name in ("term", *places)))
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(element("td", number(values[i]) if i < len(values) else "", class_="number") for i in places.values()),
        )
        for name, values in terms.items()
    ]
    return scrolling(element("table", element("thead", header), element("tbody", *rows)), "Training")


def _config(config: Mapping[str, Any]) -> Markup:
    """Options in a table for each section, then everything else; the command first.

    The schedule follows the options of the training: it says what became of those that were left out.
    """
    command = rerun_command(config)
    commit = config.get("git_commit")
    options = config.get("options")
    options = options if isinstance(options, Mapping) else {}
    plain = {name: value for name, value in options.items() if not isinstance(value, Mapping)}
    rest = {name: value for name, value in config.items() if name != "options"}
    other = {name: value for name, value in rest.items() if not isinstance(value, Mapping)}
    sections: dict[str, Mapping[str, Any]] = {"Options": plain} if plain else {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            sections[f"Options: {name}"] = value
            if name == "training" and isinstance(rest.get("schedule"), Mapping):
                sections["Schedule"] = rest["schedule"]
    sections |= {title_of(name): value for name, value in rest.items() if isinstance(value, Mapping)}
    sections |= {"This run": other} if other else {}
    again = element(
        "div",
        element("h3", "Train it again"),
        element("pre", element("code", *_words(command or ""))),
        element(
            "p",
            join("At commit ", element("code", commit)) if commit else "The commit was not recorded.",
            class_="muted",
        ),
    )
    blocks = [
        element("section", element("h3", title), _pairs(values), class_="block") for title, values in sections.items()
    ]
    return join(again if command else None, element("div", *blocks, class_="blocks"))


def _words(command: str) -> list[Markup]:
    """The command in parts that a narrow page keeps together: an option with its value."""
    return [element("span", part) for part in re.split(r"(?<= )(?=--)", command)]


def _pairs(values: Mapping[str, Any]) -> Markup:
    rows = [
        element("tr", element("th", name, scope="row"), element("td", element("code", _option(value))))
        for name, value in values.items()
    ]
    return element("table", element("tbody", *rows), class_="pairs")


def _option(value: Any) -> str:
    """As JSON, without the quotes of plain text; a dash for what was left out."""
    if value is None or value == []:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _muted(text: str) -> Markup:
    return element("p", text, class_="muted")


# The table of all scores


def _rows_json(rows: Mapping[str, Sequence[Any] | np.ndarray]) -> str:
    """The columns as compact JSON that cannot end the script element it stands in."""
    missing = [name for name in ("image", "class", "label", "pred_score") if name not in rows]
    lengths = {name: len(column) for name, column in rows.items()}
    if missing or len(set(lengths.values())) > 1:
        raise ValueError(f"rows need the columns image, class, label and pred_score in one length, got {lengths}")
    names, classes = np.unique([str(name) for name in rows["class"]], return_inverse=True)
    columns = {
        "image": [str(name) for name in rows["image"]],
        "classes": names.tolist(),
        "class": classes.tolist(),
        "label": _codes(rows["label"]).tolist(),
        "score": [_rounded(value, DIGITS) for value in rows["pred_score"]],
    }
    if "percentile" in rows:
        columns["percentile"] = [_rounded(value, DIGITS) for value in rows["percentile"]]
    if "verdict" in rows:
        columns["verdict"] = _codes(rows["verdict"]).tolist()
    text = json.dumps(columns, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _codes(column: Sequence[Any] | np.ndarray | None) -> np.ndarray:
    """0 normal, 1 anomalous, -1 unknown."""
    codes = {0: 0, 1: 1, "normal": 0, "anomalous": 1}
    return np.array([codes.get(value, -1) for value in ([] if column is None else column)], dtype=int)


def _rounded(value: Any, digits: int) -> float | None:
    number = math.nan if value is None else float(value)
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None
