"""Data sets through TensorFlow Datasets."""

from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.data import idx
from piade_tf.data.splits import LabelledImages
from piade_tf.errors import InputError


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
        train, test = tfds.load(
            name,
            split=["train", "test"],
            batch_size=-1,
            data_dir=data_dir,
            download=data_dir is None,
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        if data_dir is None:
            raise InputError(
                f"{name} could not be downloaded ({reason}); fetch {', '.join(sum(idx.FILES.values(), ()))} of {name} "
                "by hand into a folder and give it with --data-dir"
            ) from error
        raise InputError(
            f"{data_dir} holds neither the four IDX files ({', '.join(sum(idx.FILES.values(), ()))}) nor {name} as "
            f"prepared by TensorFlow Datasets ({reason}); give the folder that does with --data-dir"
        ) from error
    return _to_numpy(train), _to_numpy(test)


def _to_numpy(split: dict[str, Any]) -> LabelledImages:
    return LabelledImages(np.asarray(split["image"]), np.asarray(split["label"], "int64"))
