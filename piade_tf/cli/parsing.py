"""From the words of a command line to the options of one command, and from a mistake in them to one line."""

import difflib
import inspect
import os
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NoReturn, Union

import tyro
from tyro import _errors as tyro_errors  # private, but the one place where tyro gives its errors as data

from piade_tf.cli.option_help import REGISTRY
from piade_tf.config import Config, PresetName, check
from piade_tf.errors import InputError
from piade_tf.model.presets import preset_config
from piade_tf.program import as_typed_here, path_argument

KINDS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path", "N | H W": "one whole number or two"}
ABOUT = "Finds anomalies in images, having seen normal ones alone. COMMAND --help has its options. Also: --version."
SHOWN = (tyro.conf.DisallowNone,)  # an option that may be left out shows as STR, not as {None}|STR


def parse(arguments: list[str], commands: Mapping[str, type], program: str = "piade") -> Any:
    """The options of the command that `arguments` start with.

    Args:
        arguments: as the shell gives them: a command, then its options.
        commands: the dataclass of each command's options, by the command's name.
        program: as the usage shows it.

    Returns:
        An instance of one of those dataclasses.

    Raises:
        InputError: an unknown command or option, or a value out of place.
        SystemExit: with code 0, after `--help`.
    """
    arguments = _without_dashes(arguments)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:  # tyro: not understood
        meant = _meant(arguments[0], commands)
        raise InputError(f"no command {arguments[0]!r}{meant}; choose one of {', '.join(commands)} (see --help)")
    forms = []
    for name, options in commands.items():
        asked = arguments[:1] == [name]
        description = _description(options)
        form = tyro.conf.subcommand(
            name,
            description=description if asked else description.partition("\n")[0],
            **_defaults(options, arguments if asked else []),
        )
        forms.append(Annotated[options, form])
    chosen = commands.get(arguments[0]) if arguments else None
    return _checked(_cli(Union[tuple(forms)], arguments, chosen, prog=program, description=ABOUT))  # noqa: UP007 (made from a list)


def parse_command(arguments: list[str], options: type, program: str) -> Any:
    """The options of the one command that `program` runs; otherwise as `parse`."""
    arguments = _without_dashes(arguments)
    defaults = _defaults(options, arguments)
    return _checked(_cli(options, arguments, options, prog=program, description=_description(options), **defaults))


def parse_config(arguments: list[str]) -> Config:
    """The configuration of a training; raises as `parse` does."""
    return parse_command(arguments, Config, "piade train")


def _without_dashes(arguments: list[str]) -> list[str]:
    """The same without `--`, which ends the options: what stands behind it begins with no dash."""
    if "--" not in arguments:
        return arguments
    end = arguments.index("--")
    return arguments[:end] + [path_argument(word) for word in arguments[end + 1 :]]


def _description(options: type) -> str:
    return as_typed_here(inspect.getdoc(options) or "")


def _defaults(options: type, arguments: list[str]) -> dict[str, Any]:
    """The defaults of a training are those of its preset, which is among the arguments."""
    if options is not Config:
        return {}

    def preset_of(preset: PresetName = "compact") -> PresetName:
        return preset

    preset, _ = _cli(preset_of, arguments, None, return_unknown_args=True, add_help=False)
    return {"default": preset_config(preset)}


def _cli(form: Any, arguments: list[str], options: type | None, **settings: Any) -> Any:
    """What `tyro.cli` makes of the arguments; `options` are those of the command, where it is known."""

    def refuse(event: tyro_errors.ParseErrorEvent) -> NoReturn:
        raise InputError(f"{_mistake(event, arguments, options)} (see --help)")

    with tyro_errors.on_parse_error(refuse):
        return tyro.cli(form, args=arguments, config=SHOWN, registry=REGISTRY, **settings)


def _checked(options: Any) -> Any:
    if isinstance(options, Config):
        check(options)
    return options


def _mistake(event: tyro_errors.ParseErrorEvent, arguments: list[str], options: type | None) -> str:
    """What is wrong with the command line, on one line."""
    match event:
        case tyro_errors.UnrecognizedArgs(tokens=tokens):
            return _not_understood(tokens, options)
        case tyro_errors.MissingArgs(unrecognized_tokens=[_, *_] as tokens):
            return _not_understood(tokens, options)
        case tyro_errors.MissingArgs(missing_arguments=missing):
            return f"missing: {', '.join(_name(found.arg) for found in missing)}"
        case tyro_errors.MissingSubcommand(subcommand_spec=commands):
            return f"a command is missing; choose one of {', '.join(commands.parser_from_name)}"
        case tyro_errors.InvalidChoice(argument=argument, value=value, choices=choices):
            return f"{_name(argument)} must be one of {', '.join(choices)}, got {value!r}"
        case tyro_errors.BadValue(argument=argument) if argument.is_positional():
            return f"missing: {_name(argument)}"
        case tyro_errors.BadValue(argument=argument):
            return f"{_name(argument)} needs a value: {_kind(argument)}"
        case tyro_errors.InstantiationFailure(argument=argument, message=message):
            if argument is None or argument.is_positional():
                return " ".join(message.split())
            return f"{_name(argument)} must be {_kind(argument)}, got {_given(argument, arguments)}"
        case _:  # tyro may come to have other kinds of mistakes
            return f"the arguments are not understood ({type(event).__name__})"


def _not_understood(tokens: list[str], options: type | None) -> str:
    """Names what is no option or value, and the options that were meant."""
    flags = _flags(options) if options else ()
    meant = [_meant(token.partition("=")[0], flags) for token in tokens if token.startswith("--")]
    files = [path_argument(word) for word in tokens if word.startswith("-") and os.path.lexists(word)]
    if files:
        return f"not understood: {' '.join(tokens)}; for the file give {files[0]}"
    return f"not understood: {' '.join(tokens)}" + next(filter(None, meant), "")


def _flags(options: type) -> list[str]:
    """Every option of a command as it is typed."""
    parser = tyro.extras.get_parser(options, config=SHOWN, registry=REGISTRY)
    return [flag for action in parser._actions for flag in action.option_strings]


def _meant(typed: str, known: Iterable[str]) -> str:
    """A question that names what was meant, or nothing where nothing is like it."""
    whole = {name.lstrip("-"): name for name in known}
    without_group = {name.rpartition(".")[2]: flag for name, flag in whole.items()}
    names = without_group | whole
    found = difflib.get_close_matches(typed.lstrip("-").replace("_", "-"), list(names), n=1)
    return f"; did you mean {names[found[0]]}?" if found else ""


def _kind(argument: Any) -> str:
    """What an option takes, in words where it has no name of its own."""
    metavar = argument.lowered.metavar
    return KINDS.get(metavar, str(metavar))


def _name(argument: Any) -> str:
    """An option as it is typed, or the word for a positional argument."""
    return str(argument.lowered.metavar if argument.is_positional() else argument.lowered.name_or_flags[-1])


def _given(option: Any, arguments: list[str]) -> str:
    """The words behind the option, where it stands last."""
    words: list[str] = []
    taking = False
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag.replace("_", "-") in option.lowered.name_or_flags:
            words, taking = [value] if equals else [], True
        elif argument.startswith("--"):
            taking = False
        elif taking:
            words.append(argument)
    return " ".join(words)
