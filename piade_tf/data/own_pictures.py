"""The pictures that PIADE-TF draws, told from photographs: heatmaps may lie in a folder that is scored again."""

import os
from pathlib import Path

SOFTWARE = "PIADE-TF figure"  # stands in every PNG that is drawn, under the name that PNG has for it
CHUNK = b"tEXtSoftware\0" + SOFTWARE.encode()
HEADER_BYTES = 512  # the chunk comes before the pixels


def is_own_picture(path: str | Path) -> bool:
    """Whether a file is a PNG that was drawn by PIADE-TF. What cannot be opened is not."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            header = file.read(HEADER_BYTES) or b""
    except OSError:
        return False
    return header.startswith(b"\x89PNG") and CHUNK in header
