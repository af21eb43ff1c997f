"""What --help says of each option: the words of its docstring, and a default as people write it."""

import dataclasses
import functools
import typing
from typing import Annotated, Any

import tyro
from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

REGISTRY = ConstructorRegistry()
WORDS = {"True": "on", "False": "off"}


@REGISTRY.struct_rule
def options_of(info: StructTypeInfo) -> StructConstructorSpec | None:
    """How tyro takes a dataclass of options apart; it would show None, an empty tuple and True as Python has them, and
    break lines where the docstrings do."""
    if not dataclasses.is_dataclass(info.type) or info.type.__module__.startswith("tyro"):  # it has some of its own
        return None
    given = info.default if isinstance(info.default, info.type) else None
    hints = typing.get_type_hints(info.type, include_extras=True)
    fields = []
    for field in dataclasses.fields(info.type):
        default = field.default if given is None else getattr(given, field.name)
        kind = hints[field.name]
        fields.append(
            StructFieldSpec(
                name=field.name,
                type=kind if dataclasses.is_dataclass(default) else _with_words(kind, default),
                default=tyro.MISSING if default is dataclasses.MISSING else default,
                helptext=functools.partial(described, info.type, field.name),
            )
        )
    return StructConstructorSpec(info.type, tuple(fields))


def _with_words(kind: Any, default: Any) -> Any:
    """The type of an option, with what is said of its default."""
    is_open = default is None or default == ()  # its help says what happens then
    shown = tyro.conf.arg(help_behavior_hint="" if is_open else lambda text: f"(default: {WORDS.get(text, text)})")
    bare, *marks = typing.get_args(kind) if typing.get_origin(kind) is Annotated else (kind,)
    return Annotated[(bare, shown, *marks)]  # first: what an option says of itself comes later and decides


def described(options: type, name: str) -> str | None:
    """What the docstring of an option says, in one line; None where it has none."""
    text = _docstrings(options).get(name)  # a group of options has none here, and is described by its own docstring
    return " ".join(text.split()) if text else None


@functools.cache
def _docstrings(options: type) -> dict[str, str]:
    from docstring_parser import parse_from_object

    return {one.arg_name: one.description or "" for one in parse_from_object(options).params}
