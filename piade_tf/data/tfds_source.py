"""Data sets through TensorFlow Datasets."""

import contextlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.data import idx
from piade_tf.data.splits import LabelledImages
from piade_tf.errors import InputError

DOWNLOAD_HOST, TIMEOUT_SECONDS = "https://storage.googleapis.com", 10
IDX_FILES = ", ".join(sum(idx.FILES.values(), ()))


def load(name: str, data_dir: Path | None) -> tuple[LabelledImages, LabelledImages]:
    """Training and test images of the TFDS data set `name`.

    Args:
        name: e.g. `"mnist"`.
        data_dir: a prepared TFDS folder, or None: TFDS's own folder, downloading where it has to.

    Raises:
        InputError: the data set is not in the folder, or cannot be downloaded.
    """
    import tensorflow_datasets as tfds  # imports for seconds

    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
        if data_dir is None and not builder.is_prepared():
            _ask_for_network()
            builder.download_and_prepare()
        train, test = builder.as_dataset(split=["train", "test"], batch_size=-1)
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        if data_dir is None:
            raise InputError(
                f"{name} could not be downloaded ({reason}); fetch {IDX_FILES} of {name} by hand into a folder and "
                "give it with --data-dir"
            ) from error
        raise InputError(
            f"{data_dir} holds neither the four IDX files ({IDX_FILES}) nor {name} as TensorFlow Datasets prepares it; "
            "give the folder that does with --data-dir"
        ) from error
    return _to_numpy(train), _to_numpy(test)


def _ask_for_network() -> None:
    """Fails at once where there is no network: TensorFlow Datasets would try again for minutes."""
    with contextlib.suppress(urllib.error.HTTPError):  # an answer, whatever it says
        urllib.request.urlopen(DOWNLOAD_HOST, timeout=TIMEOUT_SECONDS).close()


def _to_numpy(split: dict[str, Any]) -> LabelledImages:
    return LabelledImages(np.asarray(split["image"]), np.asarray(split["label"], "int64"))
