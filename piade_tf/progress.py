"""The progress of what takes long: a bar with the time left, or the time so far where nothing can be counted."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")


class TimeLeft(TimeRemainingColumn):
    """The time left, once a fifth is done: before, it would be that of the start."""

    def render(self, task: Task) -> Text:
        """Nothing at first, then such as `0:00:12 left`."""
        if not task.total or task.completed < task.total / 5:
            return Text()
        return Text.assemble(super().render(task), " left")


def track(items: Iterable[Item], total: int | None, what: str) -> Iterator[Item]:
    """Goes through `items` under a bar that says `what`, where there is a terminal; it vanishes at the end.

    Args:
        items: that many as `total` says; None: nobody knows.
        total: their number.
        what: is done with them.
    """
    console = Console(highlight=False)
    of_all = "" if total is None else " of {task.total}"
    columns = TextColumn(f"{what} {{task.completed}}{of_all}"), BarColumn(), TimeLeft()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield from bar.track(items, total)


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Says `what` is being done, on a terminal with the seconds that it has taken."""
    console = Console(highlight=False)
    if not console.is_terminal:
        print(f"{what} ...", flush=True)
        yield
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task(what, total=None)
        yield
