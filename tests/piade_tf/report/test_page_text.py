"""How values are written."""

import pytest

from piade_tf.report.page_text import ends


@pytest.mark.parametrize(
    "interval, digits, shown",
    [
        ((0.9124, 0.9536), 3, "0.912 to 0.954"),
        ((0.9999, 1.0), 3, "0.999 to 1.000"),
        ((0.99999, 1.0), 4, "0.9999 to 1.0000"),
        ((0.0, 0.0000123), 3, "0.000 to 0.001"),
        ((0.5, 0.5), 3, "0.500000000 to 0.500000000"),  # no interval of this project: the digits end somewhere
        ([1, 1.0], 3, "1.000000000 to 1.000000000"),
    ],
)
def test_an_interval_is_rounded_outwards_so_that_its_ends_differ(interval, digits, shown):
    assert ends(interval, digits) == shown
