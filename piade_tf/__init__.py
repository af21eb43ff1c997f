"""PIADE: image anomaly detection with deep pyramidal representations and dynamic routing."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: it greets with a dozen lines

__version__ = "0.1.0"


def __getattr__(name: str):
    if name == "Detector":  # imported when it is asked for: --help need not wait for TensorFlow
        from piade_tf.quiet import stderr_only_on_failure

        with stderr_only_on_failure():
            from piade_tf.detector import Detector
        return Detector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
