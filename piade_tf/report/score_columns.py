"""The scores of all images as the columns that the page's table draws its rows from."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DIGITS = 6  # of a score: its verdict is given beside it


def score_columns(rows: Mapping[str, Sequence[Any] | np.ndarray]) -> dict[str, list[Any]]:
    """Columns of plain values: classes once, labels and verdicts as 0 normal, 1 anomalous, -1 unknown.

    Args:
        rows: as `ReportContent` has them.

    Raises:
        ValueError: the columns differ in length or one that is needed is missing.
    """
    missing = [name for name in ("image", "class", "label", "pred_score") if name not in rows]
    lengths = {name: len(column) for name, column in rows.items()}
    if missing or len(set(lengths.values())) > 1:
        raise ValueError(f"rows need the columns image, class, label and pred_score in one length, got {lengths}")
    names, classes = np.unique([str(name) for name in rows["class"]], return_inverse=True)
    columns = {
        "image": [str(name) for name in rows["image"]],
        "classes": names.tolist(),
        "class": classes.tolist(),
        "label": _codes(rows["label"]),
        "score": [_rounded(value) for value in rows["pred_score"]],
    }
    if "percentile" in rows:
        columns["percentile"] = [_rounded(value) for value in rows["percentile"]]
    if "verdict" in rows:
        columns["verdict"] = _codes(rows["verdict"])
    return columns


def count_wrong(columns: Mapping[str, Sequence[Any]], label: int) -> int:
    """How many images of a label, 0 or 1, have the other verdict."""
    return list(zip(columns["label"], columns.get("verdict", ()), strict=False)).count((label, 1 - label))


def _codes(column: Sequence[Any] | np.ndarray) -> list[int]:
    codes = {0: 0, 1: 1, "normal": 0, "anomalous": 1}
    return [codes.get(value, -1) for value in column]


def _rounded(value: Any) -> float | None:
    number = math.nan if value is None else float(value)
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
