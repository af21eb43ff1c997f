"""Metadata in a LiteRT file: read back as written, and a changed byte is noticed."""

import json
import struct

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from export.tflite.flatbuffer import MAGIC, is_litert, is_untouched, metadata_of, with_metadata

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def model(exported):
    return (exported.folder / "int8.tflite").read_bytes()


@settings(deadline=None, max_examples=5)
@given(content=st.dictionaries(st.text(max_size=8).filter(lambda key: key != "sha256"), VALUES, max_size=4))
def test_metadata_come_back_as_they_went_in(exported, content):
    model = (exported.folder / "int8.tflite").read_bytes()
    written = with_metadata(model, content)
    found = metadata_of(written)
    digest = found.pop("sha256")
    assert found == content and len(digest) == 64
    assert is_litert(written) and is_untouched(written)


def test_a_model_with_metadata_computes_what_it_did(model):
    again = with_metadata(model, {"a": 1})
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1), "uint8")
    outputs = [Interpreter(model_content=one).get_signature_runner("inspect")(image=image) for one in (model, again)]
    for name, values in outputs[0].items():
        np.testing.assert_array_equal(values, outputs[1][name])


def test_new_metadata_take_the_place_of_the_old(model):
    assert metadata_of(with_metadata(with_metadata(model, {"a": 1}), {"b": 2})).keys() == {"b", "sha256"}


@settings(deadline=None, max_examples=30)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_changed_byte_is_noticed(exported, share, flip):
    model = (exported.folder / "int8.tflite").read_bytes()
    place = int(share * len(model))
    assert not is_untouched(model[:place] + bytes([model[place] ^ flip]) + model[place + 1 :])


def test_the_block_is_as_documented_for_other_languages(model):
    place = model.rindex(b"PIADEMD1")
    (length,) = struct.unpack("<I", model[place + 8 : place + 12])
    assert model.count(MAGIC) == 1
    assert json.loads(model[place + 12 : place + 12 + length])["signature"] == "inspect"


@pytest.mark.parametrize("content", [b"", b"x" * 100, MAGIC, MAGIC + b"\xff\xff\xff\xff{}", MAGIC + b"\2\0\0\0[]"])
def test_other_bytes_have_no_metadata(content):
    assert metadata_of(content) is None and not is_untouched(content) and not is_litert(content)
