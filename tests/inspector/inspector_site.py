"""Where the inspector's sources are, and images for it."""

import io
from pathlib import Path

from PIL import Image

INSPECTOR = Path(__file__).parents[2] / "examples" / "inspector"


def as_png(pixels):
    """The bytes of a PNG of `(height, width)` or `(height, width, 3)`, uint8."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()
