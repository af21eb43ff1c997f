"""What keeps one format from shipping, and no other."""


class CannotRun(Exception):
    """A file that cannot be loaded or run, or whose scores are no numbers; says so as `it ...`, in one line."""
