"""Golden images as photographs, as a phone takes them: larger, held sideways, and stretched where training stretches.

They test an app's preparation, where the other golden images test its network alone.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export.verification.verify import load_litert
from piade_tf.data.decode import decode_bytes
from piade_tf.data.preparation import Preparation, resized, uncropped
from piade_tf.files import write_json
from piade_tf.pixels import WHITE
from piade_tf.quiet import stderr_only_on_failure

NAME = "photographs.json"
HELD = ((6, Image.Transpose.ROTATE_90), (8, Image.Transpose.ROTATE_270))  # EXIF's orientation, and what it undoes
ORIENTATION = 0x0112  # EXIF's tag
SHORT_SIDE, LONG_SIDE = 720, 960  # at least: another aspect ratio than that of most networks
ROUNDS = 12  # of giving back the detail that a photograph loses when it is resized
JPEG = {"quality": 95, "subsampling": 0}


def write_photographs(
    golden: Path,
    sources: Sequence[tuple[np.ndarray, dict[str, Any]]],
    files: dict[str, Path],
    limits: dict[str, float],
    preparation: Preparation,
) -> None:
    """Writes a JPEG for each source, and `photographs.json` with what each file says of it.

    Args:
        golden: the folder.
        sources: images `(height, width, channels)`, uint8, in the size of the network, with what is known of each.
        files: LiteRT files that ship, by format.
        limits: their thresholds, by format.
        preparation: of the run.
    """
    content: dict[str, Any] = {}
    prepared = []
    for number, (image, about) in enumerate(sources):
        name, (orientation, turn) = f"photograph_{number}.jpg", HELD[number % len(HELD)]
        photograph = _photograph(image, preparation, orientation, turn)
        (golden / name).write_bytes(photograph)
        content[name] = about | {"orientation": orientation}
        prepared.append(preparation(decode_bytes(photograph)))
    for format_name, path in files.items():
        with stderr_only_on_failure():  # LiteRT tells of its delegate
            run = load_litert(path, 1)
            outputs = [run(np.repeat(image[None], run.batch, axis=0)) for image in prepared]
        for said, found in zip(content.values(), outputs, strict=True):
            score = float(found["pred_score"][0])
            said[format_name] = {
                "pred_score": score,
                "anomalous": score > limits[format_name],
                "anomaly_map_max": float(found["anomaly_map"][0].max()),
                "anomaly_map_mean": float(found["anomaly_map"][0].mean()),
                "reconstruction_mean": float(found["reconstruction"][0].mean()),
            }
    write_json(golden / NAME, content)


def _photograph(image: np.ndarray, preparation: Preparation, orientation: int, turn: Image.Transpose) -> bytes:
    """An image of which `preparation` makes that one, as a JPEG that was taken with the camera turned."""
    whole = uncropped(image, preparation.size).astype("float32")
    larger = enlarged(whole, *_sides(preparation))
    pixels = np.round(larger).astype("uint8")
    stored = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = io.BytesIO()
    stored.save(content, "JPEG", exif=exif, **JPEG)
    return content.getvalue()


def _sides(preparation: Preparation) -> tuple[int, int]:
    """Height and width of a photograph of which nothing gets lost: 4:3 only where it is stretched."""
    height, width = preparation.size
    if preparation.resize == "stretch":
        short = max(SHORT_SIDE, 2 * max(height, width))
        return short, short * LONG_SIDE // SHORT_SIDE
    times = max(2, math.ceil(LONG_SIDE / max(height, width)))
    return times * height, times * width


def enlarged(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A larger image that becomes `image` when it is resized (iterative back-projection, Irani and Peleg 1991)."""
    small_height, small_width = image.shape[:2]
    larger = resized(image, height, width, "bicubic")
    for _ in range(ROUNDS):
        lost = image - resized(larger, small_height, small_width, "bilinear")
        larger = np.clip(larger + resized(lost, height, width, "bicubic"), 0, WHITE)
    return larger
