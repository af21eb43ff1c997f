"""What other rates would give: in one line why several of them are the same."""

import numpy as np
import pytest

from piade_tf.evaluation.refit import Known, refitted
from piade_tf.report.threshold_change import share, show_offers

NONE = np.zeros(0)
EVENLY = np.arange(30.0)
ONE_APART = np.append(np.arange(29.0), 1000.0)


@pytest.fixture
def last_line(capsys):
    """The line below the table that is printed for these calibration scores and rates."""

    def of(scores, *rates):
        known = Known(scores, NONE, NONE)
        show_offers([(f"--fpr {rate}", refitted("fpr", rate, known)) for rate in rates], known)
        return capsys.readouterr().out.splitlines()[-1]

    return of


def test_rates_that_need_more_images_are_named_with_their_number(last_line):
    assert last_line(EVENLY, 0.01, 0.02, 0.05, 0.1) == (
        "There are 30 calibration images, and --fpr 0.01 needs 99, 0.02 needs 49: with fewer, the highest score is the "
        "threshold."
    )


def test_while_the_highest_score_stands_apart_they_need_twice_as_many(last_line):
    line = last_line(ONE_APART, 0.02, 0.1)
    assert "--fpr 0.02 needs 99:" in line and "the highest score but one, which stands apart, is" in line


def test_of_images_enough_nothing_is_said(last_line):
    assert "calibration images" not in last_line(EVENLY, 0.05, 0.1)


def test_an_interval_has_a_digit_behind_the_point_as_in_the_report():
    assert share(0, 60) == "0 of 60 (0.0 to 6.0 %)" and share(3, 60, with_interval=False) == "3 of 60"
