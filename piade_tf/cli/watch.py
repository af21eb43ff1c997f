"""`piade watch`: scores what a camera computer drops into a folder, each file once."""

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tyro

from piade_tf.cli.alarm import Alarm
from piade_tf.cli.predict import ALL_NORMAL, SOME_ANOMALOUS, SOME_UNREADABLE
from piade_tf.cli.startup import start_tensorflow
from piade_tf.cli.watch_table import WatchTable
from piade_tf.errors import InputError
from piade_tf.files import signature
from piade_tf.interrupts import handed_over
from piade_tf.printable import path_in_table, printable

WAKE_MS = 200  # how long to wait for news while a file may still be growing
TRY_AGAIN = 30.0  # seconds for which a file that cannot be opened is tried: a camera or a network drive may hold it
LOOK_AGAIN = 30.0  # seconds after which the whole folder is listed, for what a network drive does not tell of


@dataclasses.dataclass(frozen=True)
class Watch:
    """Score every photograph that is put into a folder, once, until Ctrl-C.

    piade watch RUN photos/

    piade watch RUN photos/ --csv shift.csv --on-anomaly 'notify-send {path} {score}'

    Ctrl-C or SIGTERM ends it after the current photograph, with the exit code of predict for all since the start: 0 if
    all were normal, 1 if one was anomalous, 2 if one could not be read. A second one ends it at once, with 130.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory that a training made."""
    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """The folder, with all below it. Photographs that lie there already and are not in the table are scored first."""
    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The table, a row a photograph, added to as they come; what it has is not scored again, also after a restart. Left
    out: watched.csv in RUN."""
    on_anomaly: Annotated[str | None, tyro.conf.arg(metavar="COMMAND")] = None
    """Started, without a shell, for each photograph that is anomalous or could not be read, after its row is written:
    {path}, {score} and {verdict} in it are replaced."""
    settle: float = 0.5
    """Seconds for which a file must not have changed before it is read: cameras write slowly."""
    once: bool = False
    """Score what is there and end, with the exit code of predict, instead of waiting for more."""


def watch(options: Watch) -> int:
    """Watches until it is interrupted; returns the exit code: 0 if all was normal, 1 if something was anomalous, 2 if
    something could not be read.

    Raises:
        InputError: the run, the folder, the table or the command is not what it should be.
    """
    if not options.folder.is_dir():
        found = "is a file" if options.folder.exists() else "does not exist"
        raise InputError(f"{options.folder} {found}; give the folder that photographs are put into")
    try:
        os.scandir(options.folder).close()
    except OSError as error:
        raise InputError(f"{options.folder} cannot be read ({error.strerror}); give a folder that can") from None
    if not 0 <= options.settle <= 3600:
        raise InputError(f"--settle must be 0 to 3600 seconds, got {options.settle}")
    alarm = Alarm(options.on_anomaly)
    start_tensorflow()
    from piade_tf.cli.current_detector import CurrentDetector
    from piade_tf.evaluation.threshold import in_short

    run = CurrentDetector(options.run)
    seen, gone = {"normal": 0, "anomalous": 0, "unreadable": 0}, 0
    stop = threading.Event()
    table_file = WatchTable(options.csv or options.run / "watched.csv", options.folder)
    with table_file as table, handed_over(), _stopping(stop), alarm:
        at = in_short(run.detector.threshold)
        print(f"watching {options.folder}, writing {table.path}; threshold {at}; Ctrl-C ends", flush=True)
        for path, stamp in _settled(options, table, stop):
            if stamp is None:
                gone += 1
                print(f"note: {printable(path)} went, or was renamed, before it was inspected", flush=True)
                continue
            if run.follow() and table.follow():
                print(f"writing {table.path} of that run from now on", flush=True)
            for row in _rows(run.detector, options.folder, path, stamp):
                table.add(row)
                verdict = row["verdict"].split(":")[0]
                seen[verdict] += 1
                score = "-" if row["pred_score"] is None else f"{row['pred_score']:.4g}"
                print(
                    f"{row['verdict'] if verdict == 'unreadable' else verdict:>10} {score:>10}  {row['path']}",
                    flush=True,
                )
                if verdict != "normal":
                    alarm.start(os.path.join(options.folder, path), score, verdict)
    print(
        f"{seen['anomalous']} anomalous, {seen['normal']} normal and {seen['unreadable']} unreadable: {table.path}"
        + (f"; {gone} went, or were renamed, before they were inspected" if gone else "")
    )
    if seen["unreadable"]:
        return SOME_UNREADABLE
    return SOME_ANOMALOUS if seen["anomalous"] else ALL_NORMAL


def _rows(detector: Any, folder: Path, path: str, found: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """The row of one photograph."""
    from piade_tf.detector import Unreadable

    size, modified = found
    about = {"path": path_in_table(path), "bytes": size, "modified_ns": modified}
    for result in detector.stream([os.path.join(folder, path)], batch_size=1):
        if isinstance(result, Unreadable):
            score, percentile, verdict = None, None, f"unreadable: {printable(result.reason)}"
        else:
            score, percentile = result.pred_score, result.percentile
            verdict = result.verdict
        yield {"pred_score": score, "percentile": percentile, "verdict": verdict, **about}


def _settled(options: Watch, table: WatchTable, stop: threading.Event) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Photographs from the folder on, each with its size and time of change, once it has not changed for a while and
    can be opened, or could not for a longer while; those that went before with None."""
    from watchfiles import Change

    growing: dict[str, tuple[tuple[int, int], float]] = {}
    gone: list[str] = []

    def consider(path: str) -> None:
        found = signature(options.folder / path)
        if found is None and path in growing:
            gone.append(path)
        if found is None or table.has(path, found):
            growing.pop(path, None)
        elif path not in growing or growing[path][0] != found:
            growing[path] = (found, time.monotonic())

    def look() -> None:
        from piade_tf.data.walk import walk

        folder, place = os.fspath(options.folder), table.folder()

        def is_known(path: str) -> bool:
            found = signature(os.path.join(folder, path))
            return found is not None and table.has(path, found, place)

        below = walk(folder, leave_out=is_known)
        unread = dict(below.unread)
        if reason := unread.pop(".", ""):
            print(f"warning: {options.folder} {reason}; nothing is scored until it can be", flush=True)
        for path in (*below.images, *unread):
            consider(path)

    looked = -LOOK_AGAIN
    root = options.folder.resolve()
    for found in _changes(root, stop):
        if time.monotonic() - looked >= LOOK_AGAIN or any(os.path.isdir(path) for _, path in found):
            look()
            looked = time.monotonic()
        for path in sorted({os.path.relpath(path, root) for _, path in found}):
            if _is_photograph(options.folder, path):
                consider(path)
        for path in list(growing):
            consider(path)
        added = {os.path.relpath(path, root) for change, path in found if change == Change.added}
        gone += sorted(path for path in added - {*gone} if _was_photograph(options.folder, path))
        yield from ((path, None) for path in gone)
        gone.clear()
        now = time.monotonic()
        for path in [path for path, (_, since) in growing.items() if now - since >= options.settle]:
            if stop.is_set():
                return
            if now - growing[path][1] < options.settle + TRY_AGAIN and not _can_be_opened(options.folder / path):
                continue
            yield path, growing.pop(path)[0]
        if options.once and not growing:
            stop.set()


def _changes(root: Path, stop: threading.Event) -> Iterator[set]:
    """What the system tells of, an empty set at first and where there is nothing for a while, until `stop` is set.

    Where it does not tell, as with too many folders, there are empty sets alone.
    """
    import watchfiles

    yield set()  # what lies in the folder already is looked at before anything happens
    try:
        yield from watchfiles.watch(
            root, watch_filter=None, stop_event=stop, yield_on_timeout=True, step=20, debounce=WAKE_MS,
            rust_timeout=WAKE_MS, raise_interrupt=False, ignore_permission_denied=True,
        )  # fmt: skip
    except (OSError, RuntimeError) as error:  # WatchfilesRustInternalError is one
        reason = " ".join(str(error).split())[:100]
        print(f"warning: no news of {root} ({reason}); it is listed every {LOOK_AGAIN:g} seconds instead", flush=True)
        while not stop.wait(WAKE_MS / 1000):
            yield set()


def _is_photograph(folder: Path, path: str) -> bool:
    """Whether a file that came is one to score or to tell of: not what was left behind, by any part of its path, and
    not of a run."""
    from piade_tf.data.own_runs import run_around
    from piade_tf.data.walk import judged, left_behind

    if any(left_behind(part) for part in Path(path).parts) or not (folder / path).is_file():
        return False
    if run_around(folder / path, folder):
        return False
    found = judged(folder, path)
    return bool(found.images or found.unread)


def _was_photograph(folder: Path, path: str) -> bool:
    """Whether a file that came has gone and was to be scored, as far as its name tells."""
    from piade_tf.data.own_runs import run_around
    from piade_tf.data.walk import SUFFIXES, left_behind

    if os.path.lexists(folder / path) or any(left_behind(part) for part in Path(path).parts):
        return False
    return path.lower().endswith(SUFFIXES) and not run_around(folder / path, folder)


def _can_be_opened(path: Path) -> bool:
    """Whether the system gives the first bytes of a file; what is not there need not be waited for."""
    from piade_tf.data.walk import looks_like_image

    try:
        looks_like_image(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return True


@contextlib.contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set `stop`: the current photograph is finished first. A second Ctrl-C ends at once."""

    def asked(_number, _frame) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():  # only the main thread may have handlers
        yield
        return
    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
