"""A figure as a PNG that says who drew it."""

from pathlib import Path

from matplotlib.figure import Figure

from piade_tf.data.own_pictures import SOFTWARE
from piade_tf.files import replacing


def save_figure(figure: Figure, path: Path) -> None:
    """Writes the figure, whole or not at all; its folder is made where missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": SOFTWARE})
