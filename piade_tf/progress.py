"""The progress of what takes long: a bar with the time left, on a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")


def track(items: Iterable[Item], total: int | None, what: str) -> Iterator[Item]:
    """Goes through `items` under a bar that says `what`, where there is a terminal; it vanishes at the end.

    Args:
        items: that many as `total` says; None: nobody knows.
        total: their number.
        what: is done with them.
    """
    console = Console(highlight=False)
    of_all = "" if total is None else " of {task.total}"
    columns = TextColumn(f"{what} {{task.completed}}{of_all}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield from bar.track(items, total)
