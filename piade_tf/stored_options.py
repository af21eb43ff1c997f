"""The options of a run as JSON has them, of this version or an earlier one."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from piade_tf.config import Config, DataConfig, LossConfig, NetworkConfig, TrainingConfig

RENAMED = {"turns": "rotation"}
NOISE_OF_ALL = 0.1  # what networks had while it did not follow from the encoder
WITHOUT_CHOICE = {"network": {"upsampling_norm": "batch"}}  # what runs had before there was an option


def up_to_date(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The options as this version would have stored them; what it does not know stays as it is.

    Args:
        stored: options by section and name.
    """
    return {name: _section(name, value) if isinstance(value, Mapping) else value for name, value in stored.items()}


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's `config.json` has under `options`, as this version would have stored it."""
    options = up_to_date(config["options"])
    is_of_all = "noise" not in config.get("schedule", {}) and options.get("training", {}).get("noise") == NOISE_OF_ALL
    if is_of_all and options.get("data", {}).get("augment") == "none":  # else it had an effect, and is said
        options["training"]["noise"] = None
    return options


def schedule_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's `config.json` has under `schedule`, as this version would have stored it.

    Raises:
        KeyError, TypeError: it has none.
    """
    schedule, options = config["schedule"], config["options"]
    if "noise" in schedule:
        return dict(schedule)
    if options["network"]["encoder"] != "scratch" and options["data"]["augment"] == "none":
        return schedule | {"noise": 0.0, "rotation": 0.0}  # features of a frozen encoder were kept all the same
    return schedule | {"noise": options["training"]["noise"]}


def config_of(stored: Mapping[str, Any]) -> Config:
    """The configuration of a run; options of another version that are not known are left out."""
    now = up_to_date(stored)
    sections = {"loss": LossConfig, "network": NetworkConfig, "training": TrainingConfig}
    return Config(
        **_known(Config, now)
        | {name: section(**_known(section, now[name])) for name, section in sections.items()}
        | {"data": data_of(stored["data"]), "runs_dir": Path(now["runs_dir"]), "resume": None}
    )


def data_of(stored: Mapping[str, Any]) -> DataConfig:
    """What a run's options have under `data`; one of another version that is not known is left out."""
    values = _known(DataConfig, _section("data", stored))
    return DataConfig(**values | {"data_dir": Path(values["data_dir"]) if values.get("data_dir") else None})


def from_anywhere(folder: Path | str | None) -> Path | None:
    """The path of a folder that is the same whichever folder is the current one; None stays."""
    return None if folder is None else Path(os.path.abspath(folder))


def _section(section: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    values = WITHOUT_CHOICE.get(section, {}) | {RENAMED.get(name, name): value for name, value in stored.items()}
    if section == "training" and isinstance(values.get("jit"), bool):
        values["jit"] = "on" if values["jit"] else "off"  # it was a switch
    return values


def _known(options: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a class of options has, lists as tuples."""
    names = {field.name for field in dataclasses.fields(options)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in names}
