"""`scores.csv` of an export: what each file said of every image, so that its threshold can be fitted again."""

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from export.verification.agreement import Said
from export.verification.compared_images import ComparedImages
from export.verification.measure import Measured
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold
from piade_tf.files import write_csv
from piade_tf.run_directory import EARLIER_LABEL

NAME = "scores.csv"
KINDS = ("calibration", "validation", "changed", "test")
MAP = "_map_max"  # behind the name of a format


@dataclasses.dataclass(frozen=True)
class FileScores:
    """Scores of several files on the same images.

    Attributes:
        split: `(n,)`, what an image serves for, one of `KINDS`.
        label: `(n,)`, int64: 0 normal, 1 anomalous, or with a synthetic defect.
        run: `(n,)`, `pred_score` by the run itself.
        pred_score: by format, `(n,)`.
        map_max: by format, `(n,)`, the largest value of each anomaly map.
    """

    split: np.ndarray
    label: np.ndarray
    run: np.ndarray
    pred_score: dict[str, np.ndarray]
    map_max: dict[str, np.ndarray]

    @classmethod
    def of(
        cls, images: ComparedImages, labels: np.ndarray, run: np.ndarray, measured: Mapping[str, Measured]
    ) -> "FileScores":
        """From what was measured.

        Args:
            images: which ones.
            labels: of the test images.
            run: what the run says of all.
            measured: what the files say of them, by format.
        """
        split, label = np.full(len(run), "calibration"), np.zeros(len(run), "int64")
        for kind in KINDS:
            split[getattr(images, kind)] = kind
        label[images.changed], label[images.test] = 1, labels
        return cls(
            split,
            label,
            run,
            {name: found.pred_score for name, found in measured.items()},
            {name: found.map_max for name, found in measured.items()},
        )

    def said(self, name: str | None, threshold: Threshold) -> Said:
        """What a format says, or for None the run, with a threshold of its own."""
        scores = self.run if name is None else self.pred_score[name]
        return Said(**{kind: scores[self.split == kind] for kind in KINDS}, threshold=threshold)

    def with_calibration(self, run: np.ndarray, measured: Mapping[str, Measured]) -> "FileScores":
        """With more calibration images, as the run and the files score them."""
        return FileScores(
            np.concatenate([self.split, np.full(len(run), "calibration")]),
            np.concatenate([self.label, np.zeros(len(run), "int64")]),
            np.concatenate([self.run, run]),
            {name: np.concatenate([values, measured[name].pred_score]) for name, values in self.pred_score.items()},
            {name: np.concatenate([values, measured[name].map_max]) for name, values in self.map_max.items()},
        )

    def write(self, path: Path) -> None:
        """Writes a row an image."""
        names = [name for format_name in self.pred_score for name in (format_name, format_name + MAP)]
        columns = [values for name in self.pred_score for values in (self.pred_score[name], self.map_max[name])]
        rows = zip(
            *(np.asarray(column).tolist() for column in (self.split, self.label, self.run, *columns)), strict=True
        )
        write_csv(path, ["split", "gt_label", "run", *names], rows)

    @classmethod
    def read(cls, path: Path) -> "FileScores":
        """Reads what `write` wrote.

        Raises:
            InputError: the file is missing, as in exports of earlier versions, or is something else.
        """
        try:
            with open(path, newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            table = dict(zip(header, np.array(rows, object).T, strict=True))
            split = table.pop("split").astype(str)
            label = table.pop("gt_label" if "gt_label" in table else EARLIER_LABEL).astype("int64")
            numbers = {name: values.astype("float64").astype("float32") for name, values in table.items()}
            run = numbers.pop("run")
            names = [name for name in numbers if not name.endswith(MAP)]
            return cls(
                split,
                label,
                run,
                {name: numbers[name] for name in names},
                {name: numbers[name + MAP] for name in names},
            )
        except FileNotFoundError:
            raise InputError(
                f"{path.parent} was exported by an earlier version, which did not keep the scores of its files; export "
                "the run again, or remove the folder"
            ) from None
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} cannot be read ({error}); export the run again") from None
