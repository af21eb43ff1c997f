"""Whatever is put in, what comes out is JSON by the letter of its standard."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from piade_tf.json_text import json_text

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def not_json(constant):
    raise AssertionError(f"{constant} is not JSON")


@given(ANYTHING)
def test_no_reader_meets_what_json_has_not(content):
    json.loads(json_text(content), parse_constant=not_json)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, np.float64("inf")])
def test_what_is_no_number_is_null_wherever_it_stands(number):
    assert json.loads(json_text({"a": number, "b": [1.5, (number, "x")]})) == {"a": None, "b": [1.5, [None, "x"]]}


@given(ANYTHING.filter(lambda content: "Infinity" not in json.dumps(content) and "NaN" not in json.dumps(content)))
def test_everything_else_is_what_json_makes_of_it(content):
    assert json_text(content, indent=1) == json.dumps(content, indent=1)
