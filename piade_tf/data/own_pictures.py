"""The pictures that PIADE-TF draws, told from photographs: heatmaps may lie in a folder that is scored again."""

import os
import re
from pathlib import Path

from piade_tf.data.open_at_once import open_at_once

SOFTWARE = "PIADE-TF figure"  # stands in every PNG that is drawn, under the name that PNG has for it
CHUNK = b"tEXtSoftware\0" + SOFTWARE.encode()
HEADER_BYTES = 512  # the chunk comes before the pixels
# Only files of such names are opened: of a hundred thousand photographs that would take seconds.
NAMES = re.compile(
    r"\d{5,}_.*|contact_sheet.*|reconstructions|anomaly_maps|roc|precision_recall|score_histogram|training_curves|mistakes",
    re.DOTALL,
)


def is_own_picture(path: str | Path) -> bool:
    """Whether a file is a PNG that was drawn by PIADE-TF and has kept its name. What cannot be opened is not."""
    stem, ending = os.path.splitext(os.path.basename(path))
    if ending != ".png" or not NAMES.fullmatch(stem):
        return False
    try:
        with open_at_once(path) as file:
            header = file.read(HEADER_BYTES) or b""
    except OSError:
        return False
    return header.startswith(b"\x89PNG") and CHUNK in header
