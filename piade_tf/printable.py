"""Text that may hold anything, as file names do, on one line."""

from collections.abc import Iterable


def printable(text: str) -> str:
    """The text with all that cannot be printed escaped: a line break as \\n, a byte that is no text as \\udce9."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def some(names: Iterable[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(printable, listed[:most])) + more
