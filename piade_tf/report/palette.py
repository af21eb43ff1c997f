"""The colours of figures, on a light page and on a dark one, as the report's style sheet has them."""

import dataclasses

MAPS = "inferno"  # of anomaly maps


@dataclasses.dataclass(frozen=True)
class Palette:
    """Colours as matplotlib takes them.

    Attributes:
        folder: below that of the figures, where those in these colours are.
        normal, anomalous: of the two kinds.
        curve, second: of lines.
        muted: of what stands back.
        page, text, grid: of what is around.
    """

    folder: str
    normal: str
    anomalous: str
    curve: str
    second: str
    muted: str
    page: str
    text: str
    grid: str

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """`(name, colour)`; the place is the label: 0, 1."""
        return ("normal", self.normal), ("anomalous", self.anomalous)

    @property
    def style(self) -> dict:
        """Matplotlib's settings."""
        return {
            "font.size": 9,
            "axes.titlesize": "medium",
            "figure.titlesize": 10.5,
            "savefig.dpi": 200,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "hatch.linewidth": 0.6,
            "legend.frameon": False,
            "grid.color": self.grid,
            **dict.fromkeys(("figure.facecolor", "savefig.facecolor", "axes.facecolor"), self.page),
            **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "axes.edgecolor"), self.text),
            **dict.fromkeys(("xtick.color", "ytick.color"), self.text),
        }


# Okabe and Ito 2008; in the dark their lighter neighbours.
LIGHT = Palette(
    ".", "#0072B2", "#D55E00", "#000000", "#009E73", muted="#6B6B6B", page="#FFFFFF", text="#000000", grid="#E4E4E4"
)
DARK = Palette(
    "dark", "#56B4E9", "#F0883E", "#E6E6E4", "#4CC3A0", muted="#A3A6AA", page="#15171A", text="#E6E6E4", grid="#363A40"
)
PALETTES = (LIGHT, DARK)
