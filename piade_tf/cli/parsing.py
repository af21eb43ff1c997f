"""The command line: options from the config dataclasses, errors in one line."""

import contextlib
import io
import itertools
import os
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any, TypeVar

import tyro

from piade_tf.config import Config, check
from piade_tf.errors import InputError
from piade_tf.model.presets import PRESETS, preset_config

USER_ERROR, INTERRUPTED = 2, 130  # exit codes


def parse_config(arguments: list[str]) -> Config:
    """The configuration that a command line describes, with the defaults of its `--preset`.

    Raises:
        InputError: an unknown option or a value out of place.
        SystemExit: with code 0, after `--help`.
    """
    config = parse_options(Config, arguments, "train.py", preset_config(_preset_of(arguments)))
    check(config)
    return config


def parse(arguments: list[str], commands: dict[str, type]) -> tuple[str, Any]:
    """The command and its options that `python -m piade_tf` was called with.

    Args:
        arguments: as the shell gives them.
        commands: the dataclass of each command's options.

    Raises:
        InputError: an unknown command or option, or a value out of place.
        SystemExit: with code 0, after `--help`.
    """
    name = arguments[0] if arguments else None
    if name in ("-h", "--help"):
        print("usage: python -m piade_tf COMMAND [--help]\n")
        for command, options in commands.items():
            print(f"{command:16}{(options.__doc__ or '').splitlines()[0]}")
        raise SystemExit(0)
    if name not in commands:
        wrong = "a command is missing" if name is None else f"no command {name!r}"
        raise InputError(f"{wrong}; choose one of {', '.join(commands)} (see --help)")
    return name, parse_options(commands[name], arguments[1:], f"python -m piade_tf {name}")


Options = TypeVar("Options")


def parse_options(
    options: type[Options], arguments: list[str], program: str, default: Options | None = None
) -> Options:
    """The options of one command; raises as `parse` does."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            if default is None:
                return tyro.cli(options, args=arguments, prog=program)
            return tyro.cli(options, args=arguments, prog=program, default=default)
    except SystemExit as stop:
        if stop.code == 0:
            raise
        raise InputError(_one_line(errors.getvalue())) from None


def _preset_of(arguments: list[str]):
    preset = "compact"
    for argument, following in itertools.pairwise([*arguments, ""]):
        name = following if argument == "--preset" else argument.removeprefix("--preset=")
        if argument.startswith("--preset") and name in PRESETS:
            preset = name
    return preset


def _one_line(box: str) -> str:
    """The message inside the box that tyro draws around an error, up to the first rule or list."""
    words: list[str] = []
    for line in box.splitlines():
        line = line.strip("│ ")
        if line.startswith(("───", "Got errors:")):
            break
        if not line.startswith("╭"):
            words.extend(line.split())
    message = re.sub(r"no type matching .* could be instantiated from", "not understood:", " ".join(words))
    return f"{message} (see --help)"


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the program with one line and exit code 2 where the user has something to mend, 130 on an interrupt."""
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(USER_ERROR) from None
    except KeyboardInterrupt:
        print("error: interrupted; what was written by then stays", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read the output has gone, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(USER_ERROR) from None
    except Exception:  # a mistake of ours: 1 would mean "anomalous" to a script that calls predict
        traceback.print_exc()
        raise SystemExit(USER_ERROR) from None
