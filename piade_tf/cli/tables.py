"""The tables of `piade predict`: each row is in its file as soon as the image is scored."""

import contextlib
import csv
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from piade_tf.files import GrowingFile
from piade_tf.printable import path_in_table, printable

AddRow = Callable[[dict[str, Any]], None]


@contextlib.contextmanager
def csv_table(path: Path, columns: Sequence[str]) -> Iterator[AddRow]:
    """A function that adds a row to a CSV file; see `GrowingFile`.

    Args:
        path: the file.
        columns: the keys of every row; under `path` stands a path.
    """
    with GrowingFile(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield lambda row: writer.writerow([_cell(name, row.get(name)) for name in columns])


def _cell(name: str, content: Any) -> Any:
    if not isinstance(content, str):
        return content
    return path_in_table(content) if name == "path" else printable(content)


@contextlib.contextmanager
def json_table(path: Path, head: dict[str, Any], columns: Sequence[str]) -> Iterator[AddRow]:
    """A function that adds a row to the list `images` of a JSON file, under what `head` says; see `GrowingFile`."""
    with GrowingFile(path) as file:
        file.write(json.dumps(head, indent=2, allow_nan=False)[:-2] + ',\n  "images": [')
        before = "\n"

        def add(row: dict[str, Any]) -> None:
            nonlocal before
            content = {name: row.get(name) for name in columns}
            file.write(before + textwrap.indent(json.dumps(content, indent=2, allow_nan=False), 4 * " "))
            before = ",\n"

        yield add
        file.write("\n  ]\n}\n")
