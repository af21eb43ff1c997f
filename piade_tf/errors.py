"""The errors that end a command with one line."""


class InputError(ValueError):
    """Says in one line what was expected, what came and what to do.

    Command lines print it without a traceback and end with exit code 2.
    """


class CannotGoOn(InputError):
    """The same for a training that was cut off and would end here each time that it is gone on with."""


class WorkerLost(RuntimeError):
    """Says in one line that another process of the same training has gone; starting all of them again goes on.

    Command lines print it without a traceback and end with exit code 75, that of a failure that may pass.
    """
