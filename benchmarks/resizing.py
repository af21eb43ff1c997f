"""How far the score moves when an app resizes, orders or turns the pixels in another way than training did.

    python benchmarks/resizing.py RUN/export/float32.tflite mvtec_ad/bottle/test --csv benchmarks/results/resizing.csv

MVTec bottle at 128x128, from 256x256, in five seconds on 2 cores: 3 false alarms as in training, more in every other
way. For a file whose resize is `stretch` and a folder of colour images in MVTec's layout.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from predict_image import prepare
from read_metadata import read

FILTERS = {"area average": "BOX", "bicubic": "BICUBIC", "Lanczos-3": "LANCZOS", "nearest": "NEAREST"}
PLAIN, HALVED, BGR, TURNED = "bilinear without antialiasing", "halved, then bilinear", "BGR", "quarter turn"
WAYS = ("as in training", PLAIN, HALVED, *FILTERS, BGR, TURNED)


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
    if way == BGR:
        return prepared[..., ::-1]
    return np.rot90(prepared, axes=(1, 2)) if way == TURNED else prepared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("test", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    about = read(options.model)
    run, limit = Interpreter(options.model).get_signature_runner("inspect"), about["threshold"]["value"]
    files = sorted(options.test.glob("*/*.png"))
    normal = np.array([file.parent.name == "good" for file in files])
    rows, usual = [], None
    for way in WAYS:
        images = (pixels(Image.open(file).convert("RGB"), way, about["input"]) for file in files)
        scores = np.array([run(image=np.ascontiguousarray(image))["pred_score"][0] for image in images])
        usual = scores if usual is None else usual
        rows.append(
            {
                "way": way,
                "normal_score_shift": round(float((scores - usual)[normal].mean()), 2),
                "normal_score_largest": round(float(np.abs(scores - usual)[normal].max()), 2),
                "false_alarms": int((scores > limit)[normal].sum()),
                "normal": int(normal.sum()),
                "found": int((scores > limit)[~normal].sum()),
                "anomalous": int((~normal).sum()),
            }
        )
        print(rows[-1])
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
