"""`scores.csv` of an export: what each file said of every image, so that its threshold can be fitted again."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from export.verification.measure import Measured
from piade_tf.errors import InputError
from piade_tf.files import write_csv

NAME = "scores.csv"
MAP = "_map_max"  # behind the name of a format


@dataclasses.dataclass(frozen=True)
class FileScores:
    """Scores of several files on the same images.

    Attributes:
        split: `(n,)`, what an image serves for: `calibration`, `test`, ...
        label: `(n,)`, int64: 0 normal, 1 anomalous.
        pred_score: by format, `(n,)`.
        map_max: by format, `(n,)`, the largest value of each anomaly map.
    """

    split: np.ndarray
    label: np.ndarray
    pred_score: dict[str, np.ndarray]
    map_max: dict[str, np.ndarray]

    @classmethod
    def of(cls, splits: Sequence[tuple[str, np.ndarray]], measured: Mapping[str, Measured]) -> "FileScores":
        """From measurements of images of these splits, one after the other, each with its labels."""
        return cls(
            np.concatenate([np.full(len(labels), name) for name, labels in splits]),
            np.concatenate([labels for _, labels in splits]).astype("int64"),
            {name: found.pred_score for name, found in measured.items()},
            {name: found.map_max for name, found in measured.items()},
        )

    def with_calibration(self, measured: Mapping[str, Measured]) -> "FileScores":
        """With more calibration images, measured by the same files."""
        (count,) = {len(found.pred_score) for found in measured.values()} or {0}
        return FileScores(
            np.concatenate([self.split, np.full(count, "calibration")]),
            np.concatenate([self.label, np.zeros(count, "int64")]),
            {name: np.concatenate([values, measured[name].pred_score]) for name, values in self.pred_score.items()},
            {name: np.concatenate([values, measured[name].map_max]) for name, values in self.map_max.items()},
        )

    def write(self, path: Path) -> None:
        """Writes a row an image."""
        names = [name for format_name in self.pred_score for name in (format_name, format_name + MAP)]
        columns = [values for name in self.pred_score for values in (self.pred_score[name], self.map_max[name])]
        rows = zip(*(np.asarray(column).tolist() for column in (self.split, self.label, *columns)), strict=True)
        write_csv(path, ["split", "label", *names], rows)

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
            split, label = table.pop("split").astype(str), table.pop("label").astype("int64")
            numbers = {name: values.astype("float64").astype("float32") for name, values in table.items()}
            names = [name for name in numbers if not name.endswith(MAP)]
            return cls(
                split, label, {name: numbers[name] for name in names}, {name: numbers[name + MAP] for name in names}
            )
        except FileNotFoundError:
            raise InputError(
                f"{path.parent} was exported by an earlier version, which did not keep the scores of its files; export "
                "the run again, or remove the folder"
            ) from None
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} cannot be read ({error}); export the run again") from None
