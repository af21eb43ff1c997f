"""Keras as the networks here need it, whatever ~/.keras/keras.json and KERAS_BACKEND say of other projects."""

import os
import sys
from pathlib import Path

from piade_tf.errors import InputError

NEEDED = {"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32", "dtype_policy": "float32"}


def settle_keras() -> None:
    """Imports Keras with the settings that are needed.

    Where a program has imported Keras before, its settings are left alone: they may be meant for its own networks.

    Raises:
        InputError: they are then others than are needed, or Keras cannot be imported with what stands in keras.json.
    """
    if "keras" in sys.modules:
        _check()
        return
    os.environ["KERAS_BACKEND"] = NEEDED["backend"]
    try:
        from keras import config
    except Exception as error:
        file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
        if not file.exists():
            raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"Keras cannot be started with the settings in {file} ({reason}); mend or remove it") from None
    config.set_image_data_format(NEEDED["image_data_format"])
    config.set_floatx(NEEDED["floatx"])
    config.set_dtype_policy(NEEDED["dtype_policy"])
    config.set_epsilon(1e-7)


def _check() -> None:
    from keras import config

    found = {
        "backend": config.backend(),
        "image_data_format": config.image_data_format(),
        "floatx": config.floatx(),
        "dtype_policy": config.dtype_policy().name,
    }
    for name, needed in NEEDED.items():
        if found[name] != needed:
            instead = (
                "start Python with KERAS_BACKEND=tensorflow, or import piade_tf's names before keras"
                if name == "backend"
                else f"call keras.config.set_{name}({needed!r}) before"
            )
            raise InputError(
                f"Keras has the {name} {found[name]!r} in this program, and {needed!r} is needed: {instead}"
            )
