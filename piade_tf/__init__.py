"""PIADE: image anomaly detection with deep pyramidal representations and dynamic routing.

What a program needs is here: `Config` and `train` make a run directory, `RunDirectory` reads it, and `Detector` gives a
`Prediction` for each image, or says that it is `Unreadable`. What the user has to correct is an `InputError`.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from piade_tf.cli.train import train
    from piade_tf.config import Config
    from piade_tf.detector import Detector, Prediction, Unreadable
    from piade_tf.errors import InputError
    from piade_tf.run_directory import RunDirectory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: it greets with a dozen lines

__version__ = "0.1.0"  # pyproject.toml reads it here
__all__ = ["Config", "Detector", "InputError", "Prediction", "RunDirectory", "Unreadable", "train"]

HOMES = {
    "Config": "piade_tf.config",
    "Detector": "piade_tf.detector",
    "InputError": "piade_tf.errors",
    "Prediction": "piade_tf.detector",
    "RunDirectory": "piade_tf.run_directory",
    "Unreadable": "piade_tf.detector",
    "train": "piade_tf.cli.train",
}
NEED_KERAS = ("Detector", "Prediction", "RunDirectory", "Unreadable")


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is: --help need not wait for TensorFlow."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from piade_tf.keras_settings import settle_keras
    from piade_tf.quiet import stderr_only_on_failure

    with stderr_only_on_failure():
        if name in NEED_KERAS:
            settle_keras()
        return getattr(importlib.import_module(HOMES[name]), name)
