"""`piade COMMAND` and `python -m piade_tf COMMAND`. See --help."""

import signal
import sys


def main(arguments: list[str] | None = None, only: str | None = None) -> int:
    """Takes over the signals, before anything heavy is imported, and runs a command; see `piade_tf.cli.main.main`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `install`, without a traceback
    from piade_tf.interrupts import install

    install()
    from piade_tf.cli.main import main

    return main(arguments, only)


if __name__ == "__main__":
    sys.exit(main())
