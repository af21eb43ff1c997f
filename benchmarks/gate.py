"""What the gate lets through: every format of several runs, and an `int8` file of each with deliberate mistakes.

    python benchmarks/gate.py --data-dir DIR
    python benchmarks/gate.py --data-dir DIR --data digits --seeds 0

DIR as for benchmarks/photographs.py, whose runs are taken where they are there. The decoder is trained to its end,
since `int8_full` has it (`epochs`; 1 in rows of before). Writes gate_ships.csv, a row for each run and format, and
gate_spoilings.csv, a row for each run and mistake (`spoilings.py`), `none` first. Can be interrupted and started again:
rows that are there are not made again, nor are runs. Five to ten minutes for each run on 2 cores; `--table ships` makes
that table alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import spoilings
from benchmarks.photographs import DATA, train
from benchmarks.rows_so_far import rows_so_far
from export.builder import Builder
from export.formats import FORMATS
from export.options import Export
from export.publish.manifest import processor
from export.run import load_images
from export.verification.agreement import Said, compare, share_of_chance
from export.verification.compared_images import ComparedImages, write_images
from export.verification.gate import MAY_DIFFER, problems
from export.verification.out_of_fold import out_of_fold
from export.verification.verify import load_litert
from piade_tf.data import DataSplits
from piade_tf.data.known_images import calibration_scores
from piade_tf.evaluation.threshold import Threshold, fit_threshold
from piade_tf.files import write_csv
from piade_tf.run_directory import RunDirectory
from piade_tf.scoring.scorer_file import read_scorer

AGREEMENT = (
    *("verdicts_differ", "verdicts", "verdicts_differ_on_normal", "verdicts_on_normal", "verdicts_may_differ"),
    *("rank_correlation", "rank_correlation_at_most", "rank_correlation_on_normal"),
    *("median_score_error", "score_error", "test_verdicts_differ", "n_test", "image_AUROC", "image_AUROC_loss"),
)
SHIPS = (
    *("data", "seed", "format", "ships", *AGREEMENT, "KiB", "ms_1_thread", "ms_2_threads", "epochs", "reasons"),
    "processor",
)
SPOILED = ("data", "seed", "spoiling", "rejected", *AGREEMENT, "reasons", "processor")
STALE = "stale_threshold"  # of the images that the statistics were fitted to
NONE = "none"
TABLES = ("ships", "spoilings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=["digits", *DATA], default=["digits", *DATA])
    parser.add_argument("--table", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--seeds", nargs="+", default=list("01234"))
    parser.add_argument("--runs-dir", type=Path, default=Path("runs", "photographs"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    args = parser.parse_args()
    ships, spoiled = Table(args.out / "gate_ships.csv", SHIPS), Table(args.out / "gate_spoilings.csv", SPOILED)
    for seed in args.seeds:
        for data in args.data:
            run = trained(args.runs_dir, args.data_dir, data, seed)
            if "ships" in args.table:
                ships.add([data, seed], list(FORMATS), lambda names, run=run: exported(run, names))
            if "spoilings" in args.table:
                names = [NONE, STALE, *(make.__name__ for make in spoilings.FILES)]
                spoiled.add([data, seed], names, lambda names, run=run: Spoiled(run).rows(names))
    ships.show("ships")
    spoiled.show("rejected")


class Table:
    """A CSV that grows by rows that it lacks; the first three columns tell one row from another."""

    def __init__(self, path: Path, header: tuple[str, ...]):
        self.path, self.header, self.rows = path, header, rows_so_far(path)

    def add(self, key: list[str], names: list[str], made: Any) -> None:
        """Adds the rows of `names`, as `made` yields them for those that are missing, as dicts."""
        missing = [name for name in names if [*key, name] not in [row[:3] for row in self.rows]]
        if not missing:
            print(f"{' '.join(key)}: in {self.path.name} already", flush=True)
            return
        for values in made(missing):
            row = dict(zip(self.header, [*key], strict=False)) | values | {"processor": processor()}
            self.rows.append([_text(row.get(column)) for column in self.header])
            write_csv(self.path, self.header, self.rows)
            print(" ".join([*key, *self.rows[-1][2:9], self.rows[-1][-2][:150]]), flush=True)

    def show(self, decision: str) -> None:
        """Prints by format, or mistake, and data set how often `decision` is true, and how many verdicts differ."""
        found: dict[str, dict[str, list[dict[str, str]]]] = {}
        for row in self.rows:
            cells = dict(zip(self.header, row, strict=True))
            found.setdefault(row[2], {}).setdefault(row[0], []).append(cells)
        sets = list(dict.fromkeys(row[0] for row in self.rows))
        print("| | " + " | ".join(sets) + " |\n" + "| --- " * (len(sets) + 1) + "|")
        for name, by_set in found.items():
            print(
                f"| {name.replace('_', ' ')} | "
                + " | ".join(_cell(by_set.get(one, []), decision) for one in sets)
                + " |"
            )


def _cell(rows: list[dict[str, str]], decision: str) -> str:
    """`5 of 5: 8 to 12 of 141`."""
    if not rows:
        return "-"
    differ = sorted(int(row["verdicts_differ"]) for row in rows if row["verdicts_differ"])
    counts = f"{sum(row[decision] == 'True' for row in rows)} of {len(rows)}"
    if not differ:
        return counts
    ends = f"{differ[0]}" if differ[0] == differ[-1] else f"{differ[0]} to {differ[-1]}"
    return f"{counts}: {ends} of {rows[0]['verdicts']}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def trained(runs: Path, root: Path, data: str, seed: str) -> Path:
    """A run without an export, trained unless it is there."""
    if data != "digits":
        return train(runs, root, data, seed, ("--no-tensorboard",))[0]
    run = runs.resolve() / f"digits-seed{seed}"
    if not (run / "report.html").exists():
        options = ["--seed", seed, "--export", "--no-tensorboard", "--runs-dir", str(run.parent), "--name", run.name]
        subprocess.run([sys.executable, str(ROOT / "train.py"), *options], check=True)
    return run


def exported(run: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """A row for each format, from the manifest of an export in a process of its own."""
    command = [sys.executable, "-m", "export", str(run), "--formats", *names]
    subprocess.run(command, cwd=ROOT, check=False)
    manifest = json.loads((run / "export" / "manifest.json").read_text(encoding="utf-8"))
    epochs = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["epochs"]
    for name in names:
        entry = manifest["files"][name]
        latency = {key: times["median"] for key, times in entry.get("latency_ms", {}).items()}
        yield {
            **entry,
            "format": name,
            "ships": entry["accepted"],
            "verdicts_may_differ": manifest["compared_on"]["verdicts_may_differ"],
            "n_test": manifest["n_normal"] + manifest["n_anomalous"],
            "KiB": round(entry["bytes"] / 1024) if "bytes" in entry else None,
            "ms_1_thread": latency.get("1_thread"),
            "ms_2_threads": latency.get("2_threads"),
            "epochs": epochs,
            "reasons": "; ".join(entry["reasons"]),
        }


class Spoiled:
    """The files of a run with mistakes, judged as an export judges them."""

    def __init__(self, run: Path):
        directory = RunDirectory(run)
        self.config = directory.read_config()
        options = self.config["options"]
        self.data: DataSplits = load_images(self.config, Export(run))
        self.network = directory.read_network()
        self.scorer = read_scorer(run / "scorer.npz", options["loss"]["ssim_window"])
        self.threshold = Threshold.read(run / "threshold.json")
        self.by_run, _ = calibration_scores(directory.read_known())
        self.chosen, self.seed = options["score"], options["training"]["seed"]

    def rows(self, names: list[str]) -> Iterator[dict[str, Any]]:
        """A row for each mistake."""
        options = self.config["options"]
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            builder = Builder(
                *(self.network, self.scorer, self.chosen, self.data, options["data"]["augment"], self.seed, 1, work),
                in_folds=bool(self.threshold.folds),
            )
            inspection = self.scorer.inspection_model(self.network, self.chosen)
            images, self.seen, _ = write_images(work / "images.npy", self.data, inspection, self.threshold, self.seed)
            scores = self.seen
            if self.threshold.folds:
                scores = np.concatenate([self.by_run, scores[images.calibration.stop :]])
            self.said = Said.of(images, scores, self.threshold)
            self.may_differ = max(share_of_chance(self.said, self.seed), MAY_DIFFER)
            sound = spoilings.Sound(builder)
            files = {make.__name__: make for make in spoilings.FILES}
            for name in names:
                path = work / "spoiled.tflite"
                path.write_bytes(files[name](sound) if name in files else sound.content)
                yield {"spoiling": name, **self._judged(path, images, stale=name == STALE)}

    def _judged(self, path: Path, images: ComparedImages, stale: bool) -> dict[str, Any]:
        labels, options = self.data.test.labels, self.config["options"]
        try:
            scores = scores_of(path, np.load(images.path, mmap_mode="r"))
        except (RuntimeError, ValueError) as error:
            return {"rejected": True, "reasons": f"cannot be run ({error})"}
        if self.threshold.folds:
            scores = out_of_fold(images, self.seen, scores, self.by_run)
        normal = scores[images.calibration]
        if stale:
            seen = self.data.train.images.take(self.data.calibration.count)
            normal = scores_of(path, seen.as_numpy_iterator())
        of_run = self.threshold
        threshold = fit_threshold(options["threshold"], options["fpr"], normal, folds=of_run.folds, apart=of_run.apart)
        comparison = compare(self.said, Said.of(images, scores, threshold), labels)
        reasons = problems(FORMATS["int8"].tolerance, comparison, {}, self.may_differ)
        return {
            **comparison,
            "rejected": bool(reasons),
            "verdicts_may_differ": self.may_differ,
            "n_test": len(labels),
            "reasons": "; ".join(reasons),
        }


def scores_of(path: Path, images: Iterable[np.ndarray]) -> np.ndarray:
    """What a file says of images, without the clock."""
    inspect = load_litert(path, 1)
    return np.array([inspect(image[None])["pred_score"][0] for image in images])


if __name__ == "__main__":
    main()
