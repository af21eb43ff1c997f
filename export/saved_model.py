"""A TensorFlow SavedModel, in the folders that TF Serving expects, with the same bytes in every process.

`tf.saved_model.save` numbers functions as they come, and orders them and the variables differently in every process.
Here the variables become constants. What remains is one graph, without functions and without a checkpoint.
"""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.types_pb2 import DT_FLOAT
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

SIGNATURES = ("inspect", "serving_default")


def write_saved_model(folder: Path, function: Any, as_written: bool = False) -> Path:
    """Writes `folder/1`, which loads with TensorFlow alone.

    Args:
        folder: made where it is missing; TF Serving wants versions, as numbers, inside.
        function: a `tf.function` with a signature, which returns a dict; the same behind every name in `SIGNATURES`.
        as_written: keep TensorFlow from computing with constants ahead. It would, for instance, multiply kernels by the
            scales of batch normalisations, and round otherwise than Keras does; the score magnifies the difference.

    Returns:
        The folder of the version.
    """
    concrete = function.get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)
    inputs = {tensor.op.name: _info(tensor) for tensor in frozen.inputs}
    names = sorted(concrete.structured_outputs)  # the order in which TensorFlow flattens a dict
    outputs = {name: _info(tensor) for name, tensor in zip(names, frozen.outputs, strict=True)}
    saved = SavedModel(saved_model_schema_version=tf.saved_model.SAVED_MODEL_SCHEMA_VERSION)
    graph = frozen.graph.as_graph_def()
    model = saved.meta_graphs.add(graph_def=_ordered(_with_defaults(graph) if as_written else graph))
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


def _with_defaults(graph: GraphDef) -> GraphDef:
    """The same graph with its constants of floats as defaults that could be replaced, and so are left alone."""
    changed = GraphDef()
    changed.CopyFrom(graph)
    defaults = {}
    for node in graph.node:
        if node.op == "Const" and node.attr["dtype"].type == DT_FLOAT:
            default = NodeDef(name=f"{node.name}/default", op="PlaceholderWithDefault", input=[node.name])
            default.attr["dtype"].type = DT_FLOAT
            default.attr["shape"].shape.CopyFrom(node.attr["value"].tensor.tensor_shape)
            defaults[node.name] = default
    for node in changed.node:
        node.input[:] = [defaults[name].name if name in defaults else name for name in node.input]
    changed.node.extend(defaults.values())
    return changed


def _ordered(graph: GraphDef) -> GraphDef:
    """The same graph with its nodes by name: their order means nothing, and is not the same in every process."""
    ordered = GraphDef()
    ordered.CopyFrom(graph)
    del ordered.node[:]
    ordered.node.extend(sorted(graph.node, key=lambda node: node.name))
    return ordered


def _info(tensor: tf.Tensor) -> TensorInfo:
    return TensorInfo(name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto())
