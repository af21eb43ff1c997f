"""What stands in a LiteRT file, read from the flatbuffer itself; and metadata put into it."""

import hashlib
import json
import struct
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, read_model_from_bytearray

from piade_tf.json_text import json_text

METADATA_NAME, MAGIC = "PIADE_METADATA", b"PIADEMD1"
NO_DIGEST = "0" * 64
FILE_IDENTIFIER = b"TFL3"

_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_TYPES = {code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")}


def is_litert(content: bytes) -> bool:
    """Whether the bytes begin as a LiteRT file does."""
    return len(content) > 8 and content[4:8] == FILE_IDENTIFIER


def operators(content: bytes) -> dict[str, int]:
    """How often each operator occurs, by its name in the schema; a custom one as `CUSTOM:name`."""
    model = schema.Model.GetRootAs(content, 0)
    codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    counts: dict[str, int] = {}
    for i in range(model.SubgraphsLength()):
        graph = model.Subgraphs(i)
        for j in range(graph.OperatorsLength()):
            name = codes[graph.Operators(j).OpcodeIndex()]
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _operator_name(code: Any) -> str:
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # the old field ends at 127
    if builtin == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM:{code.CustomCode().decode()}"
    return _OPERATORS[builtin]


def tensor_types(content: bytes) -> dict[str, int]:
    """How many tensors there are of each type."""
    model = schema.Model.GetRootAs(content, 0)
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    types = [_TYPES[graph.Tensors(j).Type()] for graph in graphs for j in range(graph.TensorsLength())]
    return {name: types.count(name) for name in sorted(set(types))}


def signatures(content: bytes) -> dict[str, dict[str, dict[str, Any]]]:
    """By the name of each signature `inputs` and `outputs`, by name: `shape`, `dtype`, `quantization`."""
    model = schema.Model.GetRootAs(content, 0)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for i in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(i)
        graph = model.Subgraphs(signature.SubgraphIndex())
        ends: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
        for j in range(signature.InputsLength()):
            end = signature.Inputs(j)
            ends["inputs"][end.Name().decode()] = _tensor(graph.Tensors(end.TensorIndex()))
        for j in range(signature.OutputsLength()):
            end = signature.Outputs(j)
            ends["outputs"][end.Name().decode()] = _tensor(graph.Tensors(end.TensorIndex()))
        found[signature.SignatureKey().decode()] = ends
    return found


def _tensor(tensor: Any) -> dict[str, Any]:
    quantization = tensor.Quantization()
    known = quantization is not None and quantization.ScaleLength() > 0
    return {
        "shape": tensor.ShapeAsNumpy().tolist() if tensor.ShapeLength() else [],
        "dtype": _TYPES[tensor.Type()],
        "quantization": {"scale": float(quantization.Scale(0)), "zero_point": int(quantization.ZeroPoint(0))}
        if known
        else None,
    }


def with_metadata(content: bytes, metadata: dict[str, Any]) -> bytes:
    """The same model with `metadata` inside, and in `metadata` under `sha256` the digest of the whole.

    The buffer is `PIADEMD1`, the length of the JSON as uint32, little-endian, and the JSON in UTF-8. The digest is
    that of the file with 64 zeros in its place.
    """
    text = json_text(
        {"sha256": NO_DIGEST, **{key: value for key, value in metadata.items() if key != "sha256"}}, indent=1
    ).encode()
    packed = with_block(content, METADATA_NAME, MAGIC + struct.pack("<I", len(text)) + text)
    digest = hashlib.sha256(packed).hexdigest().encode()
    place = packed.rindex(MAGIC)
    return packed[:place] + packed[place:].replace(NO_DIGEST.encode(), digest, 1)


def with_block(content: bytes, name: str, block: bytes) -> bytes:
    """The same model with `block` as its metadata entry of that name."""
    model = read_model_from_bytearray(content)
    model.metadata = model.metadata or []
    entry = next((one for one in model.metadata if one.name == name.encode()), None)
    if entry is None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, len(model.buffers)
        model.metadata = [*model.metadata, entry]
        model.buffers = [*model.buffers, schema.BufferT()]
    model.buffers[entry.buffer].data = np.frombuffer(block, np.uint8)
    return bytes(convert_object_to_bytearray(model))


def metadata_of(content: bytes) -> dict[str, Any] | None:
    """The metadata inside a file; None where there are none or they cannot be read."""
    place = content.rfind(MAGIC)
    if place < 0 or len(content) < place + 12:
        return None
    (length,) = struct.unpack_from("<I", content, place + 8)
    try:
        found = json.loads(content[place + 12 : place + 12 + length]) if place + 12 + length <= len(content) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def is_ours(content: bytes) -> bool:
    """Whether the file had metadata when it was written, whatever has become of them: one of their marks is left."""
    return MAGIC in content or METADATA_NAME.encode() in content


def is_untouched(content: bytes) -> bool:
    """Whether the digest in the metadata is that of the file."""
    digest = (metadata_of(content) or {}).get("sha256")
    if not isinstance(digest, str) or len(digest) != len(NO_DIGEST) or not digest.isascii():
        return False
    place = content.rindex(MAGIC)
    blank = content[:place] + content[place:].replace(digest.encode(), NO_DIGEST.encode(), 1)
    return hashlib.sha256(blank).hexdigest() == digest
