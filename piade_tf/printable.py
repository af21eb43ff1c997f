"""Text that may hold anything, as file names do, on one line."""


def printable(text: str) -> str:
    """The text with all that cannot be printed escaped: a line break as \\n, a byte that is no text as \\udce9."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
