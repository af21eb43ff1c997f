"""How much a score changes where a photograph is decoded in a quicker way than training does.

    python benchmarks/decoding_smaller.py RUN --csv benchmarks/results/decoding_smaller.csv

The golden images of the run's export, enlarged to 12 megapixels as phones take them, as JPEG of quality 90. libjpeg can
leave out detail while it decodes (to a half, a quarter, an eighth of the size), and can leave brightness and colours
apart, which are then resized before they are mixed: browsers offer both with `ImageDecoder`.
A change is relative to the score. Minutes.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

LARGE = (3000, 4000)  # height and width
FORMATS = ("float32", "int8")
SMALLER = {"half": 2, "quarter": 4, "eighth": 8}
WAYS = (*SMALLER, "brightness and colours apart")


def decoded(content: bytes, way: str | None, size: tuple[int, int]) -> np.ndarray:
    """`(height, width, 3)`, uint8, resized as in training; None: decoded as in training."""
    from piade_tf.data.preparation import Preparation, resized

    image = Image.open(io.BytesIO(content))
    if way in SMALLER:
        image.draft("RGB", (image.width // SMALLER[way], image.height // SMALLER[way]))
        assert image.width * SMALLER[way] == LARGE[1]
    if way != WAYS[-1]:
        return Preparation(size, "stretch", None, 3)(np.asarray(image.convert("RGB")))
    image.draft("YCbCr", image.size)
    y, blue, red = np.moveaxis(resized(np.asarray(image).astype("float32"), *size, "bilinear"), -1, 0)
    blue, red = blue - 128, red - 128
    mixed = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], -1)
    return np.clip(np.round(mixed), 0, 255).astype("uint8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    from export.publish.photographs import enlarged
    from export.verification.verify import load_litert
    from piade_tf.files import write_csv

    export = options.run.resolve() / "export"
    models = {name: load_litert(export / f"{name}.tflite", 1) for name in FORMATS}
    rows = []
    for path in sorted((export / "golden").glob("golden_*.png")):
        small = np.asarray(Image.open(path).convert("RGB"))
        photograph = io.BytesIO()
        large = np.round(enlarged(small.astype("float32"), *LARGE)).astype("uint8")
        Image.fromarray(large).save(photograph, "JPEG", quality=90)
        exact = decoded(photograph.getvalue(), None, small.shape[:2])
        for way in WAYS:
            found = decoded(photograph.getvalue(), way, small.shape[:2])
            row = {"run": options.run.resolve().name, "image": path.name, "decoded": way}
            row["pixels_changed"] = f"{np.mean(found != exact):.4f}"
            for name, model in models.items():
                expected, score = (float(model(image[None])["pred_score"][0]) for image in (exact, found))
                row |= {f"{name}_score": f"{expected:.4f}", f"{name}_change": f"{abs(score / expected - 1):.1e}"}
            rows.append(row)
            print(row)
    if options.csv:
        write_csv(options.csv, list(rows[0]), [list(row.values()) for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main())
