"""From a SavedModel to LiteRT, in floats."""

from pathlib import Path

import tensorflow as tf

from piade_tf.quiet import output_only_on_failure


def to_litert(saved_model: Path, signature: str, half: bool = False) -> bytes:
    """Converts one signature; builtin operators only.

    Args:
        saved_model: its folder.
        signature: its name, kept in the file.
        half: store weights with half precision.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[signature])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    with output_only_on_failure():
        return bytes(converter.convert())
