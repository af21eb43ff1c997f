"""The one thing that passes between commands: a directory with all that a run made."""

import csv
import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

import layers  # noqa: F401 (registers the layers)
from piade_tf import __version__, unfinished
from piade_tf.data import DataSplits, LabelledSplit
from piade_tf.data.known_images import KnownImage, read_known, write_known
from piade_tf.data.source import Skipped
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold
from piade_tf.files import LONGEST_NAME, check_folder, is_leftover, replacing, write_csv, write_json
from piade_tf.new_folder import make_new_folder
from piade_tf.program import command
from piade_tf.run_lock import complete
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.scoring.scorer_file import write_scorer
from piade_tf.stored_options import schedule_of
from piade_tf.training.schedule import Schedule

if TYPE_CHECKING:  # it takes scikit-learn with it, which predicting need not wait for
    from piade_tf.evaluation.scored_split import Scored

FORMAT_VERSION = 1
EARLIER_LABEL = "label"  # what gt_label was called in scores.csv before
NEEDED = ("config.json", "model.keras", "scorer.npz", "threshold.json", "map_threshold.json")
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "tensorflow-datasets")


class RunDirectory:
    """A directory such as `runs/fashion_mnist-3-20261123-161500`.

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, runs_dir: Path, name: str | None, label: Sequence[str]) -> "RunDirectory":
        """Makes a new directory.

        Args:
            runs_dir: where.
            name: of the directory; None: as `make_new_folder` calls it.
            label: words, for instance the data set and its normal class.

        Raises:
            InputError: the name is taken or leaves the folder, or the folder cannot be written.
        """
        cls.check(runs_dir, name)
        try:
            if name is None:
                return cls(make_new_folder(runs_dir, label))
            if (runs_dir / name).exists():  # with nothing to lose
                shutil.rmtree(runs_dir / name)
            (runs_dir / name).mkdir(parents=True)
        except OSError as error:
            made = f"{runs_dir / name}" if name else f"a folder in {runs_dir}"
            raise InputError(f"cannot make {made} ({error.strerror}); choose another --runs-dir") from None
        return cls(runs_dir / name)

    @staticmethod
    def check(runs_dir: Path, name: str | None) -> None:
        """Raises `InputError` where `create` would, before images are read for hours; `name` may not be known yet."""
        if name is not None:
            if Path(name).name != name or name in ("", ".", ".."):
                raise InputError(
                    f"--name must be a plain name without a path, got {name!r}; choose the folder by --runs-dir"
                )
            if (count := len(os.fsencode(name))) > LONGEST_NAME:
                raise InputError(f"--name has {count} bytes, more than the {LONGEST_NAME} that file systems take")
            if os.path.lexists(runs_dir / name) and not _is_bare(runs_dir / name):
                raise InputError(f"{runs_dir / name} exists already; choose another --name or --runs-dir")
        check_folder(runs_dir, "--runs-dir")

    def write_config(
        self,
        options: dict[str, Any],
        schedule: dict[str, Any],
        data: DataSplits,
        lineage: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Writes `config.json`, all that is needed to run it again, and returns its content.

        Args:
            options: of the command line, by section and name, nothing left out.
            schedule: what was decided where they leave something open.
            data: the splits.
            lineage: of a run that was made from another one, which that is and what was added.
        """
        content = {
            "format_version": FORMAT_VERSION,
            "options": options,
            "schedule": schedule,
            "kind": data.kind,
            "normal_class": data.normal_class,
            "image_shape": list(data.image_shape),
            "kinds": data.kinds,
            "layout": data.layout,
            "preparation": dataclasses.asdict(data.preparation) if data.preparation else None,
            "counts": {name: getattr(data, name).count for name in ("train", "validation", "calibration", "test")},
            "data_fingerprint": data.fingerprint,
            "versions": _versions(),
            "git_commit": git_commit(),
            **({"lineage": lineage} if lineage else {}),
        }
        write_json(self.path / "config.json", content)
        return json.loads((self.path / "config.json").read_text(encoding="utf-8"))

    def write_skipped(self, skipped: Sequence[Skipped]) -> None:
        """Writes `skipped.csv`, the files that could not be read, if there are any."""
        if skipped:
            write_csv(self.path / "skipped.csv", ["file", "reason"], [[one.path, one.reason] for one in skipped])

    def write_network(self, network: keras.Model) -> None:
        """Writes `model.keras`, loadable by Keras alone once `layers` is imported."""
        with replacing(self.path / "model.keras") as temporary:
            network.save(temporary)

    def write_scorer(self, scorer: ScoreSet) -> None:
        """Writes `scorer.npz`."""
        write_scorer(scorer, self.path / "scorer.npz")

    def write_threshold(self, threshold: Threshold, map_threshold: Threshold) -> None:
        """Writes `threshold.json` and `map_threshold.json`, the latter for the largest value of an anomaly map."""
        threshold.write(self.path / "threshold.json")
        map_threshold.write(self.path / "map_threshold.json")

    def write_known(self, known: Sequence[KnownImage]) -> None:
        """Writes `known_images.csv`: every image that was learned, held out or tested on."""
        write_known(self.path / "known_images.csv", known)

    def read_known(self) -> list[KnownImage]:
        """What `write_known` wrote. Raises `InputError` where that is not whole, or an earlier version trained it."""
        return read_known(self.path / "known_images.csv", self.begun_config().get("counts", {}))

    def known_if_any(self) -> list[KnownImage]:
        """As `read_known`; nothing where an earlier version trained the run."""
        return self.read_known() if (self.path / "known_images.csv").exists() else []

    def write_history(self, history: dict[str, list[float]]) -> None:
        """Writes `history.csv`: a row an epoch, a column a term."""
        write_csv(self.path / "history.csv", list(history), zip(*history.values(), strict=True))

    def read_history(self) -> dict[str, list[float]]:
        """What `write_history` wrote; empty where there is nothing."""
        try:
            with open(self.path / "history.csv", newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except FileNotFoundError:
            return {}
        return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}

    def read_config(self) -> dict[str, Any]:
        """The content of `config.json`.

        A change that was cut short is completed first.

        Raises:
            InputError: no run directory, one whose training was cut off or is going on, one of a newer version, or one
                that may not be entered.
        """
        try:
            complete(self.path)
            if not self.path.is_dir():
                found = "is a file" if self.path.exists() else "does not exist"
                raise InputError(f"{self.path} {found}; give a run directory that {command('train')} made")
            unfinished.refuse_unfinished(self.path)
            missing = [name for name in NEEDED if not (self.path / name).is_file()]
        except OSError as error:  # a folder that may not be entered, or no name that the system takes
            raise InputError(
                f"{self.path} cannot be read ({error.strerror}); mend that, or give another run directory"
            ) from None
        if missing:
            are = "are" if len(missing) > 1 else "is"
            raise InputError(
                f"{self.path} is not a complete run directory: {', '.join(missing)} {are} missing; give one that "
                f"{command('train')} finished"
            )
        return self.begun_config()

    def begun_config(self) -> dict[str, Any]:
        """The same of a run that need not be complete."""
        try:
            content = json.loads((self.path / "config.json").read_text(encoding="utf-8"))
            version = content["format_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path / 'config.json'} cannot be read ({error}); train again") from None
        if version != FORMAT_VERSION:
            raise InputError(
                f"{self.path} has the format {version!r}, this version reads {FORMAT_VERSION}; train again"
            )
        return content

    def begun_schedule(self) -> Schedule:
        """The schedule of a training that need not be complete.

        Raises:
            InputError: there is none.
        """
        try:
            return Schedule(**schedule_of(self.begun_config()))
        except (KeyError, TypeError):
            raise InputError(f"{self.path / 'config.json'} has no schedule of this version; train again") from None

    def read_network(self) -> keras.Model:
        """The network.

        Raises:
            InputError: the file is cut short or something else.
        """
        path = self.path / "model.keras"
        if not zipfile.is_zipfile(path):  # Keras would say that there is no such file
            raise InputError(f"{path} is damaged or cut short; copy it again, or train again")
        try:
            return keras.models.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"{path} is no network of a run ({reason}); train again") from None

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes `metrics.json`."""
        write_json(self.path / "metrics.json", metrics)

    def read_metrics(self) -> dict[str, Any]:
        """What `write_metrics` wrote. Raises `InputError` where it is missing or something else."""
        path = self.path / "metrics.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error}); train again") from None

    def write_scores(self, split: LabelledSplit, scored: "Scored", threshold: Threshold) -> None:
        """Writes `scores.csv`: one row for each image; the labels are 0 for normal and 1 for anomalous."""
        names = list(scored.by_name)
        verdicts = threshold.is_anomalous(scored.pred_score).astype(int)
        columns = [split.ids, split.classes, split.labels, scored.pred_score, verdicts, *scored.by_name.values()]
        header = ["image", "class", "gt_label", "pred_score", "pred_label", *(f"score_{name}" for name in names)]
        write_csv(
            self.path / "scores.csv", header, zip(*(np.asarray(column).tolist() for column in columns), strict=True)
        )

    def read_scores(self) -> tuple[LabelledSplit, "Scored"]:
        """What `write_scores` wrote; of the images themselves only their names.

        Raises:
            InputError: the file is missing or something else.
        """
        from piade_tf.evaluation.scored_split import Scored

        path = self.path / "scores.csv"
        try:
            with open(path, newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            table = dict(zip(header, np.array(rows, object).reshape(-1, len(header)).T, strict=True))
            ids, labels = table["image"], table["gt_label" if "gt_label" in table else EARLIER_LABEL].astype("int64")
            scores = {name: values.astype("float64").astype("float32") for name, values in table.items()
                      if name == "pred_score" or name.startswith("score_")}  # fmt: skip
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} cannot be read ({error}); train again") from None
        names = tf.data.Dataset.from_tensor_slices(tf.constant(ids.tolist(), tf.string, [len(ids)]))
        split = LabelledSplit(names, len(ids), ids=ids, labels=labels, classes=table["class"].astype(str))
        by_name = {name.removeprefix("score_"): values for name, values in scores.items() if name != "pred_score"}
        return split, Scored(scores["pred_score"], by_name)

    def figures(self) -> Path:
        """The folder of the figures, made where it is missing."""
        return self._folder("figures")

    def logs(self) -> Path:
        """The folder of the TensorBoard logs, made where it is missing."""
        return self._folder("logs")

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder


def _is_bare(run: Path) -> bool:
    """Whether a folder has nothing to lose: it is empty, or what a process left that was killed as it made a run."""
    if not run.is_dir() or run.is_symlink() or {path.name for path in run.iterdir()} - {unfinished.FOLDER}:
        return False
    return all(is_leftover(path) for path in (run / unfinished.FOLDER).glob("*"))


def _versions() -> dict[str, str]:
    versions = {"piade_tf": __version__, "python": platform.python_version()}
    return versions | {package: importlib.metadata.version(package) for package in PACKAGES}


def git_commit() -> str | None:
    """The commit of the code, with `-dirty` where it was changed since; None outside a checkout."""
    folder = Path(__file__).parent
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(describe, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
