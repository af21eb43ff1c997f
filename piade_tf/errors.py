"""The one kind of error that is the user's to mend."""


class InputError(ValueError):
    """Says in one line what was expected, what came and what to do.

    Command lines print it without a traceback and end with exit code 2.
    """
