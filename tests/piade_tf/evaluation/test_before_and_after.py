"""Whether an adaptation made a run better or worse, in words."""

import numpy as np

from piade_tf.evaluation.before_and_after import Group, judgement


def group(name, anomalous, before, after, count=10):
    flagged = [np.arange(count) < number for number in (before, after)]
    return Group(name, anomalous, *flagged)


def test_fewer_false_alarms_are_better():
    *lines, last = judgement([group("test images", False, 5, 1)])
    assert lines == ["better: test images: 1 of 10 flagged, 5 before"]
    assert "better on test images" in last and "worse on nothing" in last


def test_more_misses_are_worse_whatever_else_got_better():
    lines = judgement([group("new good images", False, 9, 0), group("bad images", True, 10, 7)])
    assert "WORSE: bad images: 3 of 10 missed, 0 before" in lines
    assert lines[-1].startswith("It got worse on bad images, though better on new good images")


def test_without_a_change_it_says_so():
    (line,) = judgement([group("test images", False, 2, 2)])
    assert line.startswith("Nothing got better or worse")
