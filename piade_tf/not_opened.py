"""What is said of a file that the system does not let be opened, which may pass without a change of the file."""

NOT_OPENED = "cannot be opened"


def not_opened(error: OSError) -> str:
    """The reason in a few words."""
    return f"{NOT_OPENED}: {error.strerror}"
