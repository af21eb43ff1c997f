"""The outputs of a quantized LiteRT model as the integers that they are, not turned back into floats."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, read_model_from_bytearray

from piade_tf.pixels import WHITE

PIXELS = (0.0, 1.0)  # what 0 and 255 stand for
RECONSTRUCTION = "reconstruction"


def float_names(model: bytes, signature: str) -> dict[str, str]:
    """The names that tensors have inside, by those of the inputs and outputs of the signature."""
    parsed = read_model_from_bytearray(model)
    found = _signature(parsed, signature)
    tensors = parsed.subgraphs[found.subgraphIndex].tensors
    return {end.name.decode(): tensors[end.tensorIndex].name.decode() for end in (*found.inputs, *found.outputs)}


def with_integer_ends(model: bytes, names: dict[str, str], signature: str) -> bytes:
    """The model without what turns integers into floats at its end.

    Args:
        model: one subgraph, whose outputs are floats; quantized inside.
        names: as `float_names` gives them for the model before it was quantized. A quantized tensor keeps its name.
        signature: of the model.

    Returns:
        The model; `reconstruction` is uint8, 0 to 255 for 0 to 1. An output that has no integers stays a float.
    """
    parsed = read_model_from_bytearray(model)
    (graph,) = parsed.subgraphs
    place = {tensor.name.decode(): index for index, tensor in enumerate(graph.tensors)}
    graph.outputs = [place[names[output.name.decode()]] for output in _signature(parsed, signature).outputs]
    for output, index in zip(_signature(parsed, signature).outputs, graph.outputs, strict=True):
        output.tensorIndex = index
        if output.name.decode() == RECONSTRUCTION and graph.tensors[index].type == schema.TensorType.INT8:
            output.tensorIndex = _requantize(parsed, graph, index)
    graph.outputs = [output.tensorIndex for output in _signature(parsed, signature).outputs]
    _drop_unused(parsed, graph)
    return bytes(convert_object_to_bytearray(parsed))


def _signature(model: Any, name: str) -> Any:
    return next(found for found in model.signatureDefs if found.signatureKey.decode() == name)


def _requantize(model: Any, graph: Any, source: int) -> int:
    """Appends the step from int8 to pixels; returns the tensor that it writes."""
    (low, high), before = PIXELS, graph.tensors[source]
    pixels, operator = schema.TensorT(), schema.OperatorT()
    pixels.name, pixels.type, pixels.shape = RECONSTRUCTION.encode(), schema.TensorType.UINT8, before.shape
    pixels.shapeSignature, pixels.quantization = before.shapeSignature, schema.QuantizationParametersT()
    pixels.quantization.scale = np.array([(high - low) / WHITE], "float32")
    pixels.quantization.zeroPoint = np.array([0], "int64")
    code = schema.BuiltinOperator.QUANTIZE
    operator.opcodeIndex = next(i for i, known in enumerate(model.operatorCodes) if known.builtinCode == code)
    operator.inputs, operator.outputs = [source], [len(graph.tensors)]
    operator.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    operator.builtinOptions = schema.QuantizeOptionsT()
    graph.tensors.append(pixels)
    graph.operators.append(operator)
    return len(graph.tensors) - 1


def _drop_unused(model: Any, graph: Any) -> None:
    """Drops operators that nothing depends on, then tensors and operator codes that nobody names."""
    needed, kept = set(graph.outputs), []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            needed.update(operator.inputs)
            kept.append(operator)
    graph.operators = kept[::-1]
    needed.update(graph.inputs, *(operator.outputs for operator in graph.operators))
    tensors = _Renumbered(needed - {-1})
    graph.tensors = [graph.tensors[index] for index in tensors.old]
    graph.inputs, graph.outputs = tensors.new(graph.inputs), tensors.new(graph.outputs)
    codes = _Renumbered({operator.opcodeIndex for operator in graph.operators})
    model.operatorCodes = [model.operatorCodes[index] for index in codes.old]
    for operator in graph.operators:
        operator.inputs, operator.outputs = tensors.new(operator.inputs), tensors.new(operator.outputs)
        (operator.opcodeIndex,) = codes.new([operator.opcodeIndex])
    for signature in model.signatureDefs:
        for end in (*signature.inputs, *signature.outputs):
            (end.tensorIndex,) = tensors.new([end.tensorIndex])


class _Renumbered:
    """Indices that stay, in their order; -1 stands for none."""

    def __init__(self, kept: set[int]):
        self.old = sorted(kept)
        self._place = {-1: -1, **{old: new for new, old in enumerate(self.old)}}

    def new(self, indices) -> list[int]:
        return [self._place[int(index)] for index in indices]
