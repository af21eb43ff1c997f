"""The command line that makes a run again, from its `config.json`."""

import contextlib
import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

import tyro

from piade_tf.config import Config
from piade_tf.errors import InputError
from piade_tf.model.presets import PRESETS, preset_config
from piade_tf.program import command, shell_line
from piade_tf.stored_options import options_of

WITHOUT_PREFIX = ("encoder", "encoder_weights")  # as `NetworkConfig` has them
TYPED = {"export": "formats"}  # an option by another word than its field
NOT_REPEATED = ("preset", "name")  # the preset comes first, the name last


def rerun_command(config: Mapping[str, Any]) -> str | None:
    """`piade train ...`, as it is typed here, with every option that differs from its default; of a run that was made
    from another one, `piade adapt ...`.

    Args:
        config: as `config.json` holds it.

    Returns:
        One line for a POSIX shell, or None where the options are missing or of an unknown preset.
    """
    if lineage := config.get("lineage"):
        return shell_line([*command("adapt").split(), lineage["parent_path"], *_words("good", lineage["good"])])
    options = _plain(config.get("options"))
    if not isinstance(options, Mapping) or options.get("preset") not in PRESETS:
        return None
    words = command("train").split()
    if options["preset"] != Config().preset:
        words += ["--preset", options["preset"]]
    defaults = _defaults(options["preset"], config.get("image_shape"))
    hints = typing.get_type_hints(Config, include_extras=True)
    for name, value in options_of({**config, "options": options}).items():
        if isinstance(value, Mapping):
            unprefixed = tyro.conf.OmitArgPrefixes in getattr(hints.get(name), "__metadata__", ())
            for key, inner in value.items():
                if key in defaults.get(name, {}) and inner != defaults[name][key]:
                    words += _words(key if unprefixed or key in WITHOUT_PREFIX else f"{name}.{key}", inner)
        elif name in defaults and name not in NOT_REPEATED and value != defaults.get(name):
            words += _words(TYPED.get(name, name), value)
    if own := options.get("name"):
        words += ["--name", f"{own}-again"]  # the name itself is taken
    return shell_line(words)


def _defaults(preset: Any, image_shape: Any) -> dict[str, Any]:
    """The options' defaults as JSON has them, with what scales with the image filled in."""
    config = preset_config(preset)
    if image_shape:
        with contextlib.suppress(InputError):
            config = dataclasses.replace(config, network=config.network.for_image(*image_shape[:2]))
    return _plain(dataclasses.asdict(config))


def _plain(value: Any) -> Any:
    """Values as they come back from JSON: tuples as lists, paths as text."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _words(option: str, value: Any) -> list[str]:
    option = option.replace("_", "-")
    if isinstance(value, bool):
        section, _, name = option.rpartition(".")
        return ["--" + (f"{section}." if section else "") + (name if value else f"no-{name}")]
    if isinstance(value, str) and value.startswith("-"):
        return [f"--{option}={value}"]  # it would be taken for an option
    values = value if isinstance(value, list | tuple) else [value]
    return [f"--{option}", *(str(inner) for inner in values)]
