"""TensorFlow imported without its greetings, and without what it does not need here."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator

from piade_tf.keras_settings import settle_keras
from piade_tf.quiet import stderr_only_on_failure


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras, with the settings that `settle_keras` has; raises as it does.

    Of what an import takes, a third is the garbage collector, going through a million objects that all stay, and again
    when the program ends: it is off meanwhile, and leaves them alone from then on.

    Keras imports matplotlib and scikit-learn for wrappers and galleries that nothing here uses, and TensorFlow imports
    JAX for a converter, wherever they are installed; both do without. Whoever needs one of them afterwards imports
    it as ever.
    """
    if "tensorflow" in sys.modules:
        settle_keras()
        return
    # Errors are raised in Python; what C++ logs of them, and of rewriting pipelines, a user cannot use.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with stderr_only_on_failure(), _hidden(["matplotlib", "sklearn", "jax"]), _no_garbage_collection():
        settle_keras()
        import tensorflow  # noqa: F401


def start_tensorflow() -> None:
    """`import_tensorflow`, and looks for a GPU: TensorFlow complains where there is none."""
    import_tensorflow()
    with stderr_only_on_failure():
        import tensorflow as tf

        tf.config.list_logical_devices()


@contextlib.contextmanager
def _hidden(packages: list[str]) -> Iterator[None]:
    """Within, to import one of the packages that are not imported yet is an `ImportError`."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is documented to stop an import
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
