"""What the tests of `watch` share: a detector that finds what is in the file, and the table that is written."""

import csv
import os
from pathlib import Path
from types import SimpleNamespace

from piade_tf.cli.watch import Watch, watch
from piade_tf.detector import Unreadable
from piade_tf.evaluation.threshold import fit_threshold

ROW = {"path": "a.png", "pred_score": 1.5, "percentile": 99.0, "verdict": "anomalous", "bytes": 7, "modified_ns": 8}


class Stub:
    """A detector that finds what is in the file: b is anomalous, ? cannot be read."""

    threshold = fit_threshold("max", 0.01, [0.0, 0.5])

    def __init__(self):
        self.read = []

    def stream(self, paths, batch_size):
        for path in paths:
            if os.path.isdir(path):
                yield Unreadable(path, "is a folder, not a file")
                continue
            content = Path(path).read_bytes()
            self.read.append((os.path.basename(path), content))
            if content == b"?":
                yield Unreadable(path, "is damaged")
            else:
                score, verdict = (1.0, "anomalous") if content == b"b" else (0.0, "normal")
                yield SimpleNamespace(pred_score=score, percentile=50.0, verdict=verdict)


def options(folder, table, **others):
    return Watch(Path("run"), folder, csv=table, settle=0.0, once=True, **others)


def rows_of(table):
    with open(table, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def news(monkeypatch, *batches):
    """Has the system tell of changes: each batch is a function that makes some and returns them by path."""

    def told(root, stop_event, **_options):
        for batch in batches:
            yield {(change, str(root / path)) for path, change in batch()}
        stop_event.set()

    monkeypatch.setattr("watchfiles.watch", told)


def watch_to_the_end(folder, table, settle=0.0):
    return watch(Watch(Path("run"), folder, csv=table, settle=settle, on_anomaly="false"))
