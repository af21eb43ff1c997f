"""`golden/`: images with what each file says of them, for the unit test of an app."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export.verification.measure import Measured
from piade_tf.files import write_json


def write_golden(
    folder: Path,
    manifest: dict[str, Any],
    labels: np.ndarray,
    scores: np.ndarray,
    images: Path,
    first: int,
    measured: dict[str, Measured],
) -> None:
    """Writes three images as PNG and `golden.json`.

    Args:
        folder: of the export.
        manifest: tells which files ship, and their thresholds.
        labels: of the images to choose from, `(n,)`, 0 normal, 1 anomalous.
        scores: what the run says of them, `(n,)`.
        images: `.npy` with all images.
        first: index in it of the first of these.
        measured: by format, on these.
    """
    golden = folder / "golden"
    golden.mkdir()
    pixels = np.load(images, mmap_mode="r")
    content: dict[str, Any] = {}
    for number, index in enumerate(pick(labels, scores)):
        name = f"golden_{number}.png"
        image = np.array(pixels[first + index])
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(golden / name)
        content[name] = {"label": int(labels[index])}
        for format_name, found in measured.items():
            entry = manifest["files"][format_name]
            if entry["accepted"]:
                content[name][format_name] = {
                    "pred_score": float(found.pred_score[index]),
                    "anomalous": bool(found.pred_score[index] > entry["threshold"]["value"]),
                    "anomaly_map_max": float(found.map_max[index]),
                    "anomaly_map_mean": float(found.map_mean[index]),
                    "reconstruction_mean": float(found.reconstruction_mean[index]),
                }
    write_json(golden / "golden.json", content)


def pick(labels: np.ndarray, scores: np.ndarray) -> list[int]:
    """A normal image and an anomalous one, each of the middle of its kind, and the one that scores highest.

    Of images of one kind, the one that scores lowest instead: the highest may be the threshold, to the last digit.
    """
    order = np.argsort(scores, kind="stable")
    middles = [order[labels[order] == label] for label in (0, 1)]
    chosen = [int(of_kind[len(of_kind) // 2]) for of_kind in middles if len(of_kind)]
    chosen.append(int(order[-1 if len(np.unique(labels)) == 2 else 0]))
    rest = [int(index) for index in order if index not in chosen]
    return (list(dict.fromkeys(chosen)) + rest)[:3]
