"""`in_order`: the results of `map`, in its order, however few threads there are and whoever stops early."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piade_tf.in_order import in_order


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 4), st.none() | st.integers(0, 20))
def test_it_is_map(items, workers, ahead):
    def slow(item):
        time.sleep(item / 1000)
        return -item

    assert list(in_order(slow, items, workers, ahead)) == [-item for item in items]


@pytest.mark.parametrize("workers, ahead, most", [(0, None, 1), (2, None, 3), (2, 5, 6)])
def test_no_more_than_so_many_items_are_asked_for_before_the_first_result(workers, ahead, most):
    asked = []
    results = in_order(str, (asked.append(i) or i for i in range(50)), workers, ahead)
    assert next(results) == "0" and len(asked) == most


def test_an_error_arrives_in_its_place_and_the_threads_end():
    before = threading.active_count()
    results = in_order(lambda item: 1 // item, [1, 1, 0, 1], 2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.active_count() == before
