"""What a CSV has already, so that a measurement that was broken off goes on."""

import csv
from pathlib import Path
from typing import Any


def rows_so_far(path: Path) -> list[list[Any]]:
    """The rows of a CSV below its header, all values text; none where there is no file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]
