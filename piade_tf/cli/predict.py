"""`piade predict`: scores and verdicts for images, in a table, as CSV or JSON, with heatmaps."""

import contextlib
import csv
import dataclasses
import itertools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tyro

from piade_tf.cli.find_images import find_images
from piade_tf.cli.startup import start_tensorflow
from piade_tf.errors import InputError
from piade_tf.files import replacing

COLUMNS = ("path", "pred_score", "percentile", "verdict")
NAMES_SHOWN = 8
HEATMAP = "heatmap"  # the column besides, with --heatmaps
ALL_NORMAL, SOME_ANOMALOUS, SOME_UNREADABLE = 0, 1, 2  # exit codes


@dataclasses.dataclass(frozen=True)
class Predict:
    """Score images with a trained detector: exit code 0 if all are normal, 1 if one is anomalous, 2 on an error.

    piade predict RUN photos/ --heatmaps heatmaps/

    find . -name '*.png' | piade predict RUN - --csv scores.csv
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory that a training made."""
    images: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="IMAGE [IMAGE ...]", help_behavior_hint="(required)"),
    ]
    """Files, folders with all below them, patterns such as 'photos/*.png', or - for paths on standard input, one a line
    or as find -print0 writes them."""
    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the table there. A character of a path that cannot be printed is escaped, a line break as \\n."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the table there, with the threshold; paths as they are."""
    heatmaps: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Write a picture of each image there: image, reconstruction, map, overlay with what is anomalous outlined."""
    threshold: float | None = None
    """Another threshold for once, on the scale of the scores. It promises nothing. To keep one: piade threshold."""
    batch_size: int = 32
    """Images at a time."""


def predict(options: Predict) -> int:
    """Prints the table; returns the exit code.

    Raises:
        InputError: the run directory or the paths are not what they should be.
    """
    if options.batch_size < 1:
        raise InputError(f"--batch-size must be at least 1, got {options.batch_size}")
    if options.threshold is not None and not math.isfinite(options.threshold):
        raise InputError(f"--threshold must be a finite number, got {options.threshold}")
    start_tensorflow()
    found = find_images(options.images)
    for target in (options.csv, options.json):
        if target is not None and target.is_dir():
            raise InputError(f"{target} is a folder; give the name of a file")
        if target is not None and not target.resolve().parent.is_dir():
            raise InputError(f"{target.parent} is no folder; make it, or give another path")

    from piade_tf.data.folder import some
    from piade_tf.detector import Detector, Unreadable
    from piade_tf.evaluation.refit import set_by_hand
    from piade_tf.evaluation.threshold import in_short
    from piade_tf.progress import track

    if options.heatmaps is not None:  # matplotlib takes half a second to import
        from piade_tf.report.heatmap_figure import write_heatmap

    detector = Detector.load(options.run)
    if options.threshold is not None:
        detector = dataclasses.replace(detector, threshold=set_by_hand(options.threshold, detector.threshold))
    if options.heatmaps is not None:
        try:
            options.heatmaps.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make --heatmaps {options.heatmaps} ({error.strerror})") from None
    counts = {"normal": 0, "anomalous": 0, "unreadable": 0}
    print(f"{'verdict':>10} {'score':>10} {'percentile':>10}  path")
    columns = COLUMNS if options.heatmaps is None else (*COLUMNS, HEATMAP)
    with _table(options.csv, columns) as table:
        rows: list[dict[str, Any]] = []
        row: list[Any]
        scored = detector.stream(found.paths, options.batch_size, maps=options.heatmaps is not None)
        count = len(found.paths) + len(found.unread)
        stream = itertools.chain((Unreadable(*one) for one in found.unread), scored)
        for number, result in enumerate(track(stream, count, "scoring")):
            heatmap = None
            if isinstance(result, Unreadable):
                verdict, row = "unreadable", [result.path, None, None, f"unreadable: {result.reason}"]
                print(f"{verdict:>10} {'-':>10} {'-':>10}  {printable(result.path)}")
                print(f"error: {printable(result.path)} {result.reason}", file=sys.stderr)
            else:
                verdict = "anomalous" if result.anomalous else "normal"
                row = [result.path, result.pred_score, result.percentile, verdict]
                place = f"{verdict:>10} {result.pred_score:>10.4g} {result.percentile:>10.1f}"
                print(f"{place}  {printable(result.path)}")
                if options.heatmaps is not None:
                    heatmap = options.heatmaps / f"{number:05d}_{Path(result.path).stem[:80]}.png"
                    write_heatmap(heatmap, result, detector)
            counts[verdict] += 1
            if options.heatmaps is not None:
                row.append(None if heatmap is None else str(heatmap))
            if table is not None:
                table.writerow([printable(cell) if isinstance(cell, str) else cell for cell in row])
            if options.json is not None:
                rows.append(dict(zip(columns, row, strict=True)))
    if options.json is not None:
        _write_json(options.json, rows, detector)
    print(
        f"{counts['anomalous']} anomalous and {counts['normal']} normal of {count} images, "
        f"threshold {in_short(detector.threshold)}"
        + (f"; {counts['unreadable']} could not be read" if counts["unreadable"] else "")
    )
    if found.passed_over:
        names = some(found.passed_over, NAMES_SHOWN)
        print(f"note: passed over {len(found.passed_over)} files or folders that are no photographs: {names}")
    if counts["unreadable"]:
        return SOME_UNREADABLE
    return SOME_ANOMALOUS if counts["anomalous"] else ALL_NORMAL


def printable(name: str) -> str:
    """A path on one line."""
    from piade_tf.data.folder import printable as on_one_line

    return on_one_line(name)


@contextlib.contextmanager
def _table(path: Path | None, columns: tuple[str, ...]) -> Iterator[Any]:
    """A CSV writer, written as the images come, or None."""
    if path is None:
        yield None
        return
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield writer


def _write_json(path: Path, rows: list[dict[str, Any]], detector) -> None:
    content = {"threshold": detector.threshold.value, "promised_fpr": detector.threshold.promised_fpr, "images": rows}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", errors="replace")
