"""The images of a run, found again where they were."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from piade_tf.data import DataSplits, load_data
from piade_tf.data.added_images import extended
from piade_tf.data.known_images import KnownImage
from piade_tf.errors import InputError
from piade_tf.stored_options import data_of


def data_of_run(config: dict[str, Any], known: Sequence[KnownImage], data_dir: Path | None = None) -> DataSplits:
    """The splits of a run, with the images that were added to them.

    Args:
        config: the content of `config.json`.
        known: what the run knows of its images; nothing where an earlier version trained it.
        data_dir: where the images are now. None: where they were.

    Raises:
        InputError: they are gone, or are other images.
    """
    stored = data_of(config["options"]["data"])
    wanted = dataclasses.replace(stored, data_dir=data_dir or stored.data_dir)
    data = load_data(wanted, config["options"]["training"]["seed"])
    if data.fingerprint != config["data_fingerprint"]:
        raise InputError(
            f"the images in {wanted.data_dir or wanted.dataset} are not those of the run: their fingerprint differs; "
            "give --data-dir, or train again"
        )
    return extended(data, known)
