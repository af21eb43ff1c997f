"""The configuration of a run in sections, each with a heading."""

from collections.abc import Mapping
from typing import Any

from piade_tf.report.page_text import in_words


def config_sections(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Options, then everything else; empty sections are left out.

    The schedule follows the options of the training: it says what became of those that were left out.

    Args:
        config: as `config.json` holds it.
    """
    rest = dict(config)
    options = rest.pop("options", None)
    options = options if isinstance(options, Mapping) else {}
    plain = {name: value for name, value in options.items() if not isinstance(value, Mapping)}
    sections: dict[str, Mapping[str, Any]] = {"Options": plain}
    for name, value in options.items():
        if isinstance(value, Mapping):
            sections[f"Options: {name}"] = value
            if name == "training" and isinstance(rest.get("schedule"), Mapping):
                sections["Schedule"] = rest.pop("schedule")
    if isinstance(prepared := rest.get("preparation"), Mapping) and not _is_deep(rest):
        rest["preparation"] = {name: value for name, value in prepared.items() if name != "bits"}
    sections |= {in_words(name): value for name, value in rest.items() if isinstance(value, Mapping)}
    sections["This run"] = {name: value for name, value in rest.items() if not isinstance(value, Mapping)}
    return {title: values for title, values in sections.items() if values}


def _is_deep(config: Mapping[str, Any]) -> bool:
    """Whether an image has more than 8 bits a value, so that the bits in use mean something."""
    return any(kind.partition(" ")[2].startswith("I") for kind in config.get("kinds") or {})
