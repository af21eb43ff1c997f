"""Which images an app is tested with."""

import numpy as np
import pytest

from export.publish.golden import pick

SCORES = np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0])


def picked(labels):
    chosen = pick(np.array(labels), SCORES)
    assert len(set(chosen)) == 3
    return [float(SCORES[index]) for index in chosen]


def test_the_middle_of_each_kind_and_the_highest_of_all():
    assert picked([0, 0, 1, 0, 1, 1]) == [3.0, 7.0, 9.0]


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_kind_the_highest_is_left_out(label):
    found = picked([label] * 6)
    assert found[:2] == [5.0, 1.0] and 9.0 not in found
