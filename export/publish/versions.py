"""Metadata that an earlier or a later version has put into a file."""

import dataclasses
from pathlib import Path
from typing import Any

from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold

FORMAT_VERSION = 1


def check_version(path: Path, metadata: dict[str, Any]) -> None:
    """Raises `InputError` where the metadata of the file at `path` are of a format that this version does not know."""
    version = metadata.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise InputError(
            f"the metadata of {path} have the format {version!r}, this version reads {FORMAT_VERSION}; use the version "
            f"that exported it, {metadata.get('version', 'a later one')}"
        )


def threshold_in(content: dict[str, Any]) -> Threshold:
    """A threshold as the metadata have it; later versions may add keys."""
    known = {field.name: content[field.name] for field in dataclasses.fields(Threshold) if field.name in content}
    return Threshold(**known | {"quantiles": tuple(known["quantiles"])})
