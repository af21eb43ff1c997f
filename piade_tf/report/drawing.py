"""How all figures are drawn, whatever the user's matplotlibrc says."""

import contextlib
from collections.abc import Iterator

import matplotlib.style

from piade_tf.report.fonts import fonts_for
from piade_tf.report.palette import Palette


@contextlib.contextmanager
def drawing(colours: Palette, *texts: str) -> Iterator[None]:
    """Within, matplotlib draws in the style of a palette, and `texts` in fonts that have their characters."""
    with matplotlib.style.context(["default", colours.style]), fonts_for(*texts):
        yield
