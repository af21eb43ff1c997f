"""`python -m piade_tf COMMAND`: what is done before and after a training. See --help."""

import sys
from collections.abc import Callable

from piade_tf.cli.evaluate import Evaluate, evaluate
from piade_tf.cli.inspect_data import InspectData, inspect_data
from piade_tf.cli.parsing import errors_in_one_line, parse
from piade_tf.cli.predict import Predict, predict
from piade_tf.quiet import stderr_only_on_failure

COMMANDS: dict[str, tuple[type, Callable[..., int | None]]] = {
    "inspect-data": (InspectData, inspect_data),
    "predict": (Predict, predict),
    "evaluate": (Evaluate, evaluate),
}


def main(arguments: list[str]) -> int:
    """Runs the command that the arguments name; returns its exit code."""
    command, options = parse(arguments, {name: options for name, (options, _) in COMMANDS.items()})
    with stderr_only_on_failure():
        import tensorflow as tf

        tf.config.list_logical_devices()  # looks for a GPU, and complains where there is none
    return COMMANDS[command][1](options) or 0


if __name__ == "__main__":
    with errors_in_one_line():
        sys.exit(main(sys.argv[1:]))
