"""`python -m export RUN` and `python -m export show FILE`. See --help."""

import os
import sys

from export.options import Export, Show
from piade_tf.cli.parsing import errors_in_one_line, parse_options
from piade_tf.quiet import stderr_only_on_failure

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported


def main(arguments: list[str]) -> int:
    """Runs what the arguments ask for; returns the exit code."""
    if arguments[:1] == ["show"]:
        from export.show import show

        return show(parse_options(Show, arguments[1:], "python -m export show"))
    options = parse_options(Export, arguments, "python -m export")
    with stderr_only_on_failure():
        import tensorflow as tf

        from export.run import export

        tf.config.list_logical_devices()  # looks for a GPU, and complains where there is none
    return export(options)


if __name__ == "__main__":
    with errors_in_one_line():
        sys.exit(main(sys.argv[1:]))
