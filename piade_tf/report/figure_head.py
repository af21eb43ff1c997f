"""The title above a figure."""

import textwrap

from matplotlib.figure import Figure


def title_lines(title: str, inches: float) -> list[str]:
    """The title in lines of at most that width."""
    return textwrap.wrap(title, int(11 * inches))


def draw_head(figure: Figure, title: str, **place: float) -> None:
    """Draws it; `place` as `Figure.suptitle` takes it."""
    # Not wrap=True: it reads a $ as mathematics, whatever parse_math says.
    figure.suptitle("\n".join(title_lines(title, figure.get_figwidth())), parse_math=False, **place)
