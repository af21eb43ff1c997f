"""Torch's format of before 2020: files put together here by hand, read, and refused."""

import hashlib
import pickle

import numpy as np
import pytest

from piade_tf.errors import InputError
from piade_tf.model.torch_weights import read_torch_weights

MAGIC, PROTOCOL, SYSTEM = 0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}
NUMBERS = np.arange(24, dtype="<f4")


def push(value):
    """The opcodes that leave `value` on the stack."""
    return pickle.dumps(value, 2)[2:-1]


def find(module, name):
    return f"c{module}\n{name}\n".encode()


def whole(opcodes):
    return b"\x80\x02" + opcodes + b"."


ORDERED_DICT = find("collections", "OrderedDict") + b")R"


def tensor(shape, strides, offset=0, length=24, key="a", storage="FloatStorage", view=None):
    reference = b"(" + push("storage") + find("torch", storage) + push(key) + push("cpu") + push(length) + push(view)
    arguments = push(offset) + push(shape) + push(strides) + push(False) + ORDERED_DICT
    return find("torch._utils", "_rebuild_tensor_v2") + b"(" + reference + b"tQ" + arguments + b"tR"


def state(**tensors):
    items = b"".join(push(name) + opcodes for name, opcodes in tensors.items())
    return whole(ORDERED_DICT + b"(" + items + b"u")


def elements(array):
    return len(array).to_bytes(8, "little") + array.tobytes()


def legacy(state_pickle, keys=("a",), storages=None, magic=MAGIC, protocol=PROTOCOL, system=SYSTEM):
    storages = elements(NUMBERS) if storages is None else storages
    return b"".join(
        [
            *(pickle.dumps(part, 2) for part in (magic, protocol, system)),
            state_pickle,
            pickle.dumps([*keys], 2),
            storages,
        ]
    )


GOOD = legacy(state(x=tensor((2, 12), (12, 1))))


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        return read_torch_weights(path, hashlib.sha256(content).hexdigest())

    return read


def test_tensors_by_name_in_the_order_of_the_file(read):
    tensors = read(legacy(state(z=tensor((24,), (1,)), a=tensor((4, 6), (6, 1)))))
    assert list(tensors) == ["z", "a"]
    np.testing.assert_array_equal(tensors["z"], NUMBERS)
    np.testing.assert_array_equal(tensors["a"], NUMBERS.reshape(4, 6))


def test_strides_and_offset_are_honoured(read):
    tensors = read(
        legacy(
            state(
                transposed=tensor((3, 8), (1, 3)),
                kernel=tensor((2, 3, 2, 2), (1, 2, 12, 6)),
                part=tensor((2, 3), (6, 1), offset=7),
                repeated=tensor((2, 3), (0, 1)),
                one_place=tensor((1, 4), (10**15, 1)),
            )
        )
    )
    np.testing.assert_array_equal(tensors["transposed"], NUMBERS.reshape(8, 3).T)
    np.testing.assert_array_equal(tensors["kernel"], NUMBERS.reshape(2, 2, 3, 2).transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(tensors["part"], [[7, 8, 9], [13, 14, 15]])
    np.testing.assert_array_equal(tensors["repeated"], [[0, 1, 2], [0, 1, 2]])
    np.testing.assert_array_equal(tensors["one_place"], [[0, 1, 2, 3]])


def test_tensors_have_memory_of_their_own(read):
    tensors = read(legacy(state(x=tensor((24,), (1,)), y=tensor((4, 6), (1, 4)))))
    assert all(array.flags.c_contiguous and array.flags.writeable for array in tensors.values())
    assert not np.shares_memory(tensors["x"], tensors["y"])


@pytest.mark.parametrize(
    "storage, dtype",
    [("LongStorage", "int64"), ("HalfStorage", "float16"), ("DoubleStorage", "float64"), ("BoolStorage", "bool")],
)
def test_every_storage_has_its_dtype(read, storage, dtype):
    array = np.array([0, 1, 1]).astype(dtype)
    found = read(legacy(state(x=tensor((), (), 1, 3, "a", storage)), storages=elements(array)))["x"]
    assert found.dtype == dtype and found.shape == () and found == 1


def test_storages_are_read_in_the_order_of_the_list(read):
    short = np.array([5, 6], "<i8")
    tensors = read(
        legacy(
            state(x=tensor((24,), (1,)), y=tensor((2,), (1,), length=2, key="b", storage="LongStorage")),
            keys=("b", "a"),
            storages=elements(short) + elements(NUMBERS),
        )
    )
    np.testing.assert_array_equal(tensors["x"], NUMBERS)
    np.testing.assert_array_equal(tensors["y"], short)


@pytest.mark.parametrize("place", range(5))
def test_a_pickle_that_would_run_a_command_is_refused(read, tmp_path, place):
    victim = tmp_path / "it_ran"
    attack = whole(find("os", "system") + b"(" + push(f"touch {victim}") + b"tR")
    parts = [pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, SYSTEM)] + [state(), pickle.dumps([], 2)]
    parts[place] = attack
    with pytest.raises(InputError, match=r"it asks for os\.system"):
        read(b"".join(parts))
    assert not victim.exists()


@pytest.mark.parametrize(
    "module, name",
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("collections", "OrderedDict.__init__"),
        ("collections", "abc"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_parameter"),
        ("piade_tf.model.torch_weights", "read_torch_weights"),
    ],
)
def test_nothing_else_is_found(read, module, name):
    with pytest.raises(InputError, match=f"it asks for {module}.{name}"):
        read(legacy(state(x=find(module, name))))


@pytest.mark.parametrize("stand_in", [("torch._utils", "_rebuild_tensor_v2"), ("torch", "FloatStorage")])
def test_a_pickle_cannot_change_the_stand_ins(read, stand_in):
    with pytest.raises(InputError):
        read(legacy(state(x=find(*stand_in) + push((None, {"__call__": 1, "__doc__": "changed"})) + b"b")))
    assert read(GOOD)["x"].shape == (2, 12)


def test_a_flipped_byte_is_refused_before_anything_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.setattr("piade_tf.model.torch_weights._Unpickler", None)
    path = tmp_path / "weights.pth"
    path.write_bytes(GOOD[:-1] + bytes([GOOD[-1] ^ 1]))
    with pytest.raises(InputError, match="must have the SHA-256"):
        read_torch_weights(path, hashlib.sha256(GOOD).hexdigest())


@pytest.mark.parametrize(
    "content, reason",
    {
        "empty": (b"", "Ran out of input"),
        "later_format": (b"PK\x03\x04" + bytes(100), "pickle data was truncated"),
        "magic": (legacy(state(), magic=1), "another magic number"),
        "protocol": (legacy(state(), protocol=1002), "protocol version 1002"),
        "big_endian": (legacy(state(), system={"little_endian": False}), "big-endian"),
        "no_dictionary": (legacy(pickle.dumps([1], 2)), "no dictionary of names"),
        "no_names": (legacy(pickle.dumps({1: 2}, 2)), "no dictionary of names"),
        "no_tensor": (legacy(state(x=push(1))), "x is no tensor"),
        "no_storage": (legacy(state(x=tensor((1,), (1,)).replace(b"tQ", b"t"))), "x is no tensor"),
        "unknown_key": (legacy(state(x=tensor((1,), (1,))), keys=("b",)), "list of storages"),
        "no_keys": (legacy(state(x=tensor((1,), (1,))), keys=()), "list of storages"),
        "part_of_a_storage": (legacy(state(x=tensor((1,), (1,), view=("b", 0, 1)))), "no whole storage"),
        "bfloat16": (legacy(state(x=tensor((1,), (1,), storage="BFloat16Storage"))), "torch.BFloat16Storage"),
        "other_length": (legacy(state(x=tensor((1,), (1,), length=23))), "24 elements instead of 23"),
        "cut_off": (GOOD[:-1], "95 bytes are left"),
        "huge": (
            legacy(state(x=tensor((1,), (1,), length=2**62)), storages=(2**62).to_bytes(8, "little")),
            "0 bytes are left",
        ),
        "negative": (
            legacy(state(x=tensor((1,), (1,), length=-1)), storages=(-1).to_bytes(8, "little", signed=True)),
            "storage a of -1 elements",
        ),
        "too_long": (GOOD + b"x", "1 bytes too many"),
        "shape_too_large": (legacy(state(x=tensor((25,), (1,)))), "x does not fit"),
        "stride_too_large": (legacy(state(x=tensor((2, 2), (23, 1)))), "x does not fit"),
        "offset_too_large": (legacy(state(x=tensor((), (), 24))), "x does not fit"),
        "bomb": (legacy(state(x=tensor((10**6, 10**6), (0, 0)))), "x does not fit"),
        "nothing": (legacy(state(x=tensor((0, 10**30), (10**30, 1)))), "x does not fit"),
        "negative_stride": (legacy(state(x=tensor((2,), (-1,), 1))), "x has no shape"),
        "negative_offset": (legacy(state(x=tensor((2,), (1,), -1))), "x has no shape"),
        "float_shape": (legacy(state(x=tensor((2.0,), (1,)))), "x has no shape"),
        "fewer_strides": (legacy(state(x=tensor((2, 2), (1,)))), "x has no shape"),
    }.values(),
)
def test_what_is_damaged_or_another_format_is_refused_in_one_line(read, content, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(content)
    assert "\n" not in str(caught.value) and "fetch it again" in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot read the weights"):
        read_torch_weights(tmp_path / "weights.pth", "0" * 64)
