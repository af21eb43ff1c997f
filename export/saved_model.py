"""A TensorFlow SavedModel, in the folders that TF Serving expects, with the same bytes in every process.

`tf.saved_model.save` numbers functions as they come, and orders them and the variables differently in every process.
Here the variables become constants. What remains is one graph, without functions and without a checkpoint.
"""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

SIGNATURES = ("inspect", "serving_default")


def write_saved_model(folder: Path, function: Any) -> Path:
    """Writes `folder/1`, which loads with TensorFlow alone.

    Whoever loads it computes with its constants ahead: TensorFlow multiplies kernels by the scales of batch
    normalisations, for instance, and so rounds a little otherwise than Keras does.

    Args:
        folder: made where it is missing; TF Serving wants versions, as numbers, inside.
        function: a `tf.function` with a signature, which returns a dict; the same behind every name in `SIGNATURES`.

    Returns:
        The folder of the version.
    """
    concrete = function.get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)
    inputs = {tensor.op.name: _info(tensor) for tensor in frozen.inputs}
    names = sorted(concrete.structured_outputs)  # the order in which TensorFlow flattens a dict
    outputs = {name: _info(tensor) for name, tensor in zip(names, frozen.outputs, strict=True)}
    saved = SavedModel(saved_model_schema_version=tf.saved_model.SAVED_MODEL_SCHEMA_VERSION)
    model = saved.meta_graphs.add(graph_def=_ordered(frozen.graph.as_graph_def()))
    model.meta_info_def.tags.append(tf.saved_model.SERVING)
    model.meta_info_def.tensorflow_version = tf.version.VERSION
    for name in SIGNATURES:
        model.signature_def[name].CopyFrom(
            SignatureDef(inputs=inputs, outputs=outputs, method_name=tf.saved_model.PREDICT_METHOD_NAME)
        )
    version = folder / "1"
    version.mkdir(parents=True, exist_ok=True)
    (version / tf.saved_model.SAVED_MODEL_FILENAME_PB).write_bytes(saved.SerializeToString(deterministic=True))
    return version


def _ordered(graph: GraphDef) -> GraphDef:
    """The same graph with its nodes by name: their order means nothing, and is not the same in every process."""
    ordered = GraphDef()
    ordered.CopyFrom(graph)
    del ordered.node[:]
    ordered.node.extend(sorted(graph.node, key=lambda node: node.name))
    return ordered


def _info(tensor: tf.Tensor) -> TensorInfo:
    return TensorInfo(name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto())
