"""Ranges of units that never vary."""

import numpy as np

from export.ranges import NARROW, with_room


def test_a_unit_that_never_varies_gets_a_range_and_others_keep_theirs():
    ranges = {
        "dead": {"min": np.zeros((1, 1), "float32"), "max": np.zeros((1, 1), "float32")},
        "constant": {"min": np.full((1,), 2.0, "float32"), "max": np.full((1,), 2 + NARROW / 2, "float32")},
        "alive": {"min": np.full((1,), -0.5, "float32"), "max": np.full((1,), 3.0, "float32")},
        "of no numbers": {},
    }
    found = with_room(ranges)
    assert {name: (float(seen["min"].item()), float(seen["max"].item())) for name, seen in found.items() if seen} == {
        "dead": (0.0, 1.0),
        "constant": (2.0, 3.0),
        "alive": (-0.5, 3.0),
    }
    assert found["dead"]["max"].shape == (1, 1) and found["of no numbers"] == {}
    assert float(ranges["dead"]["max"].item()) == 0
