"""Text that may hold anything, as file names do, on one line."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def printable(text: str) -> str:
    """The text with all that cannot be printed escaped: a line break as \\n, a byte that is no text as \\udce9."""
    if text.isprintable():  # as nearly all are, also of a hundred thousand names
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def path_in_table(path: str) -> str:
    """A path as a table has it: printable, and with ./ before what a spreadsheet would take for a formula."""
    text = printable(path)
    return f"./{text}" if text.startswith(("=", "+", "-", "@")) else text


def from_here(path: str | Path) -> str:
    """An absolute path from the current folder on, where it lies below that; any other as it is."""
    with contextlib.suppress(ValueError, OSError):  # it lies elsewhere, or the current folder has gone
        return str(Path(path).relative_to(os.getcwd()))
    return str(path)


def some(names: Iterable[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(printable, listed[:most])) + more
