"""Tensors out of a `.pth` file in torch's format of before 2020: without torch, and without trust in the file.

The format (`_legacy_save` in torch/serialization.py, protocol version 1001), one part after the other:

1. three pickles: the magic number, the protocol version, the byte order of the machine that wrote;
2. the pickled state dict, where a tensor names its storage, its offset in it, its shape and its strides;
3. a pickled list of the storages' keys;
4. for each key, in that order, the number of elements as a little-endian int64 and the raw elements.

A pickle can call whatever its reader lets it find. This one finds stand-ins for what tensors need, and nothing else.
"""

import hashlib
import io
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from piade_tf.errors import InputError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

# Strings, because a pickle can set no attribute on them.
STORAGES = {
    "BoolStorage": "|b1",
    "ByteStorage": "|u1",
    "CharStorage": "|i1",
    "ShortStorage": "<i2",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
    "HalfStorage": "<f2",
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
}


def read_torch_weights(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Reads a state dict.

    Args:
        path: the file.
        sha256: its SHA-256 in hexadecimal digits. It is compared before anything else is read.

    Returns:
        Arrays by name in the order of the file, each contiguous and with memory of its own, in the file's own
        dtypes, little-endian.

    Raises:
        InputError: the file cannot be read, is another one than expected, or is no state dict in this format. The
            latter includes tensors that reach over their storage or are larger than it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the weights {path} ({error.strerror}); give a file that is there") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(f"{path} must have the SHA-256 {sha256}, got {found}; install or fetch it again")
    try:
        return _parse(content)
    except Exception as error:  # a pickle can fail in every way there is
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} must be a state dict in torch's format of before 2020, got something else ({reason}); "
            "fetch it again"
        ) from None


class _Storage(NamedTuple):
    """Elements that one or more tensors look at."""

    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    """A look at a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RebuildTensor:
    """Stands in for `torch._utils._rebuild_tensor_v2`: an object, because a pickle can set attributes of a function."""

    __slots__ = ()

    def __call__(self, storage, offset, shape, strides, requires_grad, backward_hooks) -> _Tensor:
        return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Knows ordered dicts, tensors and storages."""

    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
        **{("torch", name): dtype for name, dtype in STORAGES.items()},
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.KNOWN[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), str(), int(length), None) if dtype in STORAGES.values():
                return _Storage(key, dtype, length)
        raise pickle.UnpicklingError("it refers to something that is no whole storage")


def _parse(content: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(content)
    if _Unpickler(stream).load() != MAGIC:
        raise ValueError("another magic number")
    if (version := _Unpickler(stream).load()) != PROTOCOL:
        raise ValueError(f"protocol version {version!r}")
    if _Unpickler(stream).load()["little_endian"] is not True:
        raise ValueError("it is big-endian")
    state = _Unpickler(stream).load()
    keys = _Unpickler(stream).load()
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ValueError("no dictionary of names")
    for name, tensor in state.items():
        if not isinstance(tensor, _Tensor) or not isinstance(tensor.storage, _Storage):
            raise ValueError(f"{name} is no tensor")
    storages = {tensor.storage for tensor in state.values()}
    if sorted(keys) != sorted(storage.key for storage in storages):
        raise ValueError("the list of storages is not that of the tensors")
    by_key = {storage.key: storage for storage in storages}
    elements = {key: _read_elements(stream, by_key[key]) for key in keys}
    if stream.tell() != len(content):
        raise ValueError(f"{len(content) - stream.tell()} bytes too many")
    return {name: _look(name, tensor, elements[tensor.storage.key]) for name, tensor in state.items()}


def _read_elements(stream: io.BytesIO, storage: _Storage) -> np.ndarray:
    length = int.from_bytes(stream.read(8), "little", signed=True)
    if length != storage.length:
        raise ValueError(f"storage {storage.key} holds {length} elements instead of {storage.length}")
    dtype = np.dtype(storage.dtype)
    left = len(stream.getbuffer()) - stream.tell()
    if not 0 <= length <= left // dtype.itemsize:
        raise ValueError(f"storage {storage.key} of {length} elements, where {left} bytes are left")
    return np.frombuffer(stream.read(length * dtype.itemsize), dtype)


def _look(name: str, tensor: _Tensor, elements: np.ndarray) -> np.ndarray:
    shape, strides = tensor.shape, tensor.strides
    if len(shape) != len(strides) or any(type(n) is not int or n < 0 for n in (tensor.offset, *shape, *strides)):
        raise ValueError(f"{name} has no shape, offset and strides that fit each other")
    # An axis of one place is never stepped along, and torch leaves any stride there.
    strides = tuple(stride if side > 1 else 0 for side, stride in zip(shape, strides, strict=True))
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if not 1 <= math.prod(shape) <= len(elements) or last >= len(elements):
        raise ValueError(f"{name} does not fit its storage")
    steps = tuple(stride * elements.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(elements[tensor.offset :], shape, steps, writeable=False).copy(order="C")
