"""`piade COMMAND`, the same as `python -m piade_tf COMMAND`: the front door to all that there is. See --help."""

import os
import sys
from collections.abc import Callable
from typing import Any

from export.options import Export, Show
from piade_tf import __version__, program
from piade_tf.cli.adapt import Adapt, adapt
from piade_tf.cli.console import steady_console
from piade_tf.cli.evaluate import Evaluate, evaluate
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.cli.export import export, show
from piade_tf.cli.inspect_data import InspectData, inspect_data
from piade_tf.cli.parsing import parse, parse_command
from piade_tf.cli.predict import Predict, predict
from piade_tf.cli.serve import Serve, serve
from piade_tf.cli.threshold import SetThreshold, set_threshold
from piade_tf.cli.train import train
from piade_tf.cli.watch import Watch, watch
from piade_tf.config import Config

COMMANDS: dict[str, tuple[type, Callable[[Any], int | None]]] = {
    "train": (Config, train),
    "predict": (Predict, predict),
    "watch": (Watch, watch),
    "serve": (Serve, serve),
    "evaluate": (Evaluate, evaluate),
    "inspect-data": (InspectData, inspect_data),
    "threshold": (SetThreshold, set_threshold),
    "adapt": (Adapt, adapt),
    "export": (Export, export),
    "show": (Show, show),
}


def main(arguments: list[str] | None = None, only: str | None = None) -> int:
    """Runs a command.

    Args:
        arguments: as the shell gives them, without the program's name. None: those of this process.
        only: the command to run, where the program's name says it already, as that of train.py does.

    Returns:
        The command's exit code; 0 after `--version`.

    Raises:
        SystemExit: with code 0 after `--help`, 2 after a mistake, which is told in one line, 130 after an interrupt.
    """
    steady_console()
    os.environ["MPLBACKEND"] = "agg"  # no figure is shown, and one of another project may not even be known
    arguments = sys.argv[1:] if arguments is None else arguments
    with errors_in_one_line():
        if arguments == ["--version"]:
            print(f"piade {__version__}")
            return 0
        if only is not None:
            options_of, run = COMMANDS[only]
            return run(parse_command(arguments, options_of, program.command(only))) or 0
        dataclass_of = {name: options_of for name, (options_of, _) in COMMANDS.items()}
        options = parse(arguments, dataclass_of, program.front_door())
        run = next(run for options_of, run in COMMANDS.values() if isinstance(options, options_of))
        return run(options) or 0
