"""`piade predict`: scores and verdicts for images, in a table, as CSV or JSON, with heatmaps."""

import contextlib
import dataclasses
import itertools
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from piade_tf.cli.console import nobody_reads
from piade_tf.cli.find_images import NAMES_SHOWN, find_images, tell_passed_over
from piade_tf.cli.startup import start_tensorflow
from piade_tf.cli.tables import AddRow, csv_table, json_table
from piade_tf.errors import InputError
from piade_tf.files import check_file, check_folder, name_within
from piade_tf.printable import printable, some

if TYPE_CHECKING:
    import numpy as np

COLUMNS = ("path", "pred_score", "percentile", "pred_label", "verdict")
HEATMAP = "heatmap"  # the column besides, with --heatmaps
ALL_NORMAL, SOME_ANOMALOUS, SOME_UNREADABLE = 0, 1, 2  # exit codes


@dataclasses.dataclass(frozen=True)
class Predict:
    """Score images with a trained detector: exit code 0 if all are normal, 1 if one is anomalous, 2 on an error.

    piade predict RUN photos/ --heatmaps heatmaps/

    piade predict RUN photos/ --only anomalous --heatmaps heatmaps/

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
    or as find -print0 writes them, each scored as it comes."""
    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the table there, row by row, to FILE.part until all are scored. A character of a path that cannot be
    printed is escaped, a line break as \\n."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the table there, with the threshold; paths as they are."""
    heatmaps: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Write a picture of each image there: image, reconstruction, map, overlay. In an anomalous one the places above
    the threshold of the map are outlined, and its highest region in any case. Name and title have
    verdict and folder."""
    only: Literal["anomalous"] | None = None
    """List and draw the anomalous images alone, and what could not be read. The last line still counts all. Left out:
    every image."""
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
    for name in ("csv", "json"):
        if target := getattr(options, name):
            check_file(target, f"--{name}")
    if options.csv and options.json and os.path.realpath(options.csv) == os.path.realpath(options.json):
        raise InputError(f"--csv and --json are both {options.csv}; give two files")
    if options.heatmaps:
        check_folder(options.heatmaps, "--heatmaps")
    start_tensorflow()
    found = find_images(options.images)

    from piade_tf.data.own_pictures import is_own_picture
    from piade_tf.detector import VERDICTS, Detector, Unreadable
    from piade_tf.evaluation.refit import set_by_hand
    from piade_tf.evaluation.threshold import in_short
    from piade_tf.progress import track

    if options.heatmaps:  # matplotlib takes half a second to import
        from piade_tf.report.heatmap_figure import write_heatmap

    detector = Detector.load(options.run)
    if options.threshold is not None:
        labels, test = _of_test(options.run)
        by_hand = set_by_hand(options.threshold, detector.threshold, labels, test)
        detector = dataclasses.replace(detector, threshold=by_hand)
    if options.heatmaps:
        os.makedirs(os.path.realpath(options.heatmaps), exist_ok=True)
    counts = {"normal": 0, "anomalous": 0, "unreadable": 0}
    errors: list[str] = []  # told after the table, which they would cut in two
    contradicting: list[str] = []  # names of heatmaps
    print(f"{'verdict':>10} {'score':>10} {'percentile':>10}  path", flush=True)
    listed = found.listed if found.paths or found.unread else _begun(found.listed)
    with contextlib.ExitStack() as opened:
        tables = [opened.enter_context(table) for table in _tables(options, detector)]
        lists = itertools.chain([found.paths] if found.paths else [], listed)
        scored = (detector.stream(paths, options.batch_size, maps=options.heatmaps is not None) for paths in lists)
        unread = (Unreadable(*one) for one in found.unread)
        stream = itertools.chain(unread, itertools.chain.from_iterable(scored))
        count = None if "-" in options.images else len(found.paths) + len(found.unread)
        for number, result in enumerate(track(stream, count, "scoring")):
            row: dict[str, Any] = {"path": result.path}
            if isinstance(result, Unreadable):
                verdict, row["verdict"] = "unreadable", f"unreadable: {result.reason}"
                print(f"{verdict:>10} {'-':>10} {'-':>10}  {printable(result.path)}", flush=True)
                errors.append(f"error: {printable(result.path)} {result.reason}")
            else:
                verdict = result.verdict
                if options.heatmaps:
                    of_before = _heatmap(options.heatmaps, number, VERDICTS[not result.pred_label], result.path)
                    contradicting += [of_before.name] if is_own_picture(of_before) else []
                if options.only not in (None, verdict):
                    counts[verdict] += 1
                    continue
                row |= {"pred_score": result.pred_score, "percentile": result.percentile}
                row |= {"pred_label": int(result.pred_label), "verdict": verdict}
                place = f"{verdict:>10} {result.pred_score:>10.4g} {result.percentile:>10.1f}"
                print(f"{place}  {printable(result.path)}", flush=True)
                if options.heatmaps:
                    picture = _heatmap(options.heatmaps, number, verdict, result.path)
                    row[HEATMAP] = str(picture)
                    write_heatmap(picture, result, detector)
            counts[verdict] += 1
            for add_row in tables:
                add_row(row)
            if nobody_reads() and not tables and not options.heatmaps:
                return SOME_UNREADABLE
    print(
        f"{counts['anomalous']} anomalous and {counts['normal']} normal of {sum(counts.values())} images, "
        f"threshold {in_short(detector.threshold)}"
        + (f"; {counts['unreadable']} could not be read" if counts["unreadable"] else "")
        + ("; the normal ones are not listed (--only anomalous)" if options.only else "")
    )
    sys.stdout.flush()
    for line in errors:
        print(line, file=sys.stderr)
    tell_passed_over(found)
    if contradicting:  # they may be of another photograph with that name, and are not removed
        names = some(contradicting, NAMES_SHOWN)
        print(f"warning: {options.heatmaps} has pictures of before with another verdict: {names}; remove them")
    if counts["unreadable"]:
        return SOME_UNREADABLE
    return SOME_ANOMALOUS if counts["anomalous"] else ALL_NORMAL


def _heatmap(folder: Path, number: int, verdict: str, image: str) -> Path:
    """What the picture of an image is called."""
    from piade_tf.report.heatmap_figure import class_of

    words = (f"{number:05d}", verdict, class_of(image), Path(image).stem)
    return folder / name_within("_".join(filter(None, words)), ".png")


def _of_test(run: Path) -> "tuple[np.ndarray, np.ndarray]":
    """Labels and scores of the run's test images; none where the run was copied without them."""
    import numpy as np

    from piade_tf.run_directory import RunDirectory

    if not (run / "scores.csv").exists():
        return np.zeros(0), np.zeros(0)
    split, scored = RunDirectory(run).read_scores()
    return split.labels, scored.pred_score


def _begun(lists: Iterator[list[str]]) -> Iterator[list[str]]:
    """The same lists, when the first has come: without any there is an error, and no table."""
    first = next(lists, None)
    return itertools.chain([first] if first else [], lists)


def _tables(options: Predict, detector) -> Iterator[contextlib.AbstractContextManager[AddRow]]:
    from piade_tf.evaluation.threshold import promise

    columns = (*COLUMNS, HEATMAP) if options.heatmaps else COLUMNS
    if options.csv:
        yield csv_table(options.csv, columns)
    if options.json:
        threshold = detector.threshold
        head = {"threshold": threshold.value, "promised_fpr": threshold.promised_fpr, "promise": promise(threshold)}
        yield json_table(options.json, head | ({"only": options.only} if options.only else {}), columns)
