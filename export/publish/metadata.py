"""What travels inside a file: how to feed it, and how to read its score. docs/mobile.md has it for other languages."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from export.builder import SIGNATURE
from export.publish.versions import FORMAT_VERSION
from export.tflite.flatbuffer import metadata_of, signatures
from piade_tf import __version__
from piade_tf.config import DEEPEST
from piade_tf.evaluation.threshold import Threshold


def metadata_for(
    name: str, config: dict[str, Any], run: Path, threshold: Threshold, map_threshold: Threshold, content: bytes
) -> dict[str, Any]:
    """The metadata of a file, but for the digest that `with_metadata` adds.

    Args:
        name: of the format.
        config: the content of `config.json`.
        run: the run directory.
        threshold, map_threshold: fitted to the file's own scores and maps.
        content: the file, with `outside` in its metadata if its score is computed there.
    """
    ends = signatures(content)[SIGNATURE]
    outside = (metadata_of(content) or {}).get("outside")
    image, prepared = ends["inputs"]["image"], config["preparation"] or {}
    return {
        "format_version": FORMAT_VERSION,
        "name": run.resolve().name,
        "version": __version__,
        "format": name,
        "dataset": config["options"]["data"]["dataset"],
        "normal_class": config["normal_class"],
        "score": config["options"]["score"],
        "score_direction": "higher is more anomalous",
        "signature": SIGNATURE,
        "input": {
            "name": "image",
            "shape": image["shape"],
            "dtype": image["dtype"],
            "colour": "RGB" if image["shape"][-1] == 3 else "grey",
            "range": [0, 255],
            "resize": prepared.get("resize", "stretch"),
            "resize_to": prepared.get("size", image["shape"][1:3]),
            "crop": prepared.get("crop"),
            "bits": prepared.get("bits", DEEPEST),
        },
        "outputs": {
            key: {"shape": end["shape"], "dtype": end["dtype"], **(end["quantization"] or {})}
            for key, end in ends["outputs"].items()
        },
        **({"outside": outside} if outside else {}),
        "threshold": dataclasses.asdict(threshold),
        "map_threshold": dataclasses.asdict(map_threshold),
        "config_sha256": hashlib.sha256((run / "config.json").read_bytes()).hexdigest(),
    }
