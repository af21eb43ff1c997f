"""How far the score moves when an app resizes, orders or turns the pixels in another way than training did.

    python train.py --dataset folder --data-dir DIR/mvtec_ad/bottle --image-size 128 --epochs 1 --name bottle128
    python benchmarks/resizing.py runs/bottle128/export DIR/mvtec_ad/bottle/test --csv benchmarks/results/resizing.csv

MVTec bottle at 128x128, from 256x256, in every LiteRT format, in two minutes on 2 cores. For files whose resize is
`stretch` and a folder of colour images in MVTec's layout.
"""

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]
from predict_image import prepare
from read_metadata import read

from export.verification.verify import load_litert
from piade_tf.files import write_csv

FILTERS = {"area average": "BOX", "bicubic": "BICUBIC", "Lanczos-3": "LANCZOS", "nearest": "NEAREST"}
PLAIN, HALVED, BGR, TURNED = "bilinear without antialiasing", "halved, then bilinear", "BGR", "quarter turn"
BRIGHTER, JPEG = "one grey level brighter", "saved as JPEG of quality 90"
WAYS = ("as in training", PLAIN, HALVED, *FILTERS, BRIGHTER, JPEG, BGR, TURNED)


def pixels(image: Image.Image, way: str, about: dict) -> np.ndarray:
    """The image at the input's size, `(1, height, width, channels)`, prepared in that way."""
    size = about["shape"][2], about["shape"][1]
    if way in FILTERS:
        image = image.resize(size, Image.Resampling[FILTERS[way]])
    elif way == PLAIN:
        steps = image.width / size[0], 0, 0, 0, image.height / size[1], 0
        image = image.transform(size, Image.Transform.AFFINE, steps, Image.Resampling.BILINEAR)
    elif way == HALVED:
        while image.width >= 2 * size[0] and image.height >= 2 * size[1]:
            image = image.reduce(2)
    prepared = prepare(image, about)
    if way == JPEG:
        with io.BytesIO() as file:
            Image.fromarray(prepared[0]).save(file, "JPEG", quality=90)
            return np.asarray(Image.open(file))[None]
    if way == BRIGHTER:
        return np.clip(prepared.astype("int16") + 1, 0, 255).astype("uint8")
    if way == BGR:
        return prepared[..., ::-1]
    return np.rot90(prepared, axes=(1, 2)) if way == TURNED else prepared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    files = sorted(options.test.glob("*/*.png"))
    normal = np.array([file.parent.name == "good" for file in files])
    rows: list[dict] = []
    for model in sorted(options.export.glob("*.tflite")):
        about, run, usual = read(str(model)), load_litert(model, 1), None
        limit = about["threshold"]["value"]
        for way in WAYS:
            images = (pixels(Image.open(file).convert("RGB"), way, about["input"]) for file in files)
            scores = np.array([run(np.ascontiguousarray(image))["pred_score"][0] for image in images])
            usual = scores if usual is None else usual
            rows.append(
                {
                    "format": model.stem,
                    "way": way,
                    "normal_score_shift": round(float((scores - usual)[normal].mean()), 2),
                    "normal_score_largest": round(float(np.abs(scores - usual)[normal].max()), 2),
                    "false_alarms": int((scores > limit)[normal].sum()),
                    "normal": int(normal.sum()),
                    "found": int((scores > limit)[~normal].sum()),
                    "anomalous": int((~normal).sum()),
                }
            )
            print(*rows[-1].values(), flush=True)
    if options.csv:
        write_csv(options.csv, list(rows[0]), [list(row.values()) for row in rows])
    show(rows)


def show(rows: list[dict]) -> None:
    """Prints a table of ways, with the false alarms of each format."""
    formats = list(dict.fromkeys(row["format"] for row in rows))
    print(f"| | {' | '.join(formats)} |\n| --- {'| --- ' * len(formats)}|")
    for way in WAYS:
        print(f"| {way} | {' | '.join(str(row['false_alarms']) for row in rows if row['way'] == way)} |")


if __name__ == "__main__":
    main()
