"""`golden/`: images with what each file says of them, for the unit test of an app."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export.verification.measure import Measured
from export.verification.tolerance import Reference
from piade_tf.files import write_json


def write_golden(
    folder: Path,
    manifest: dict[str, Any],
    reference: Reference,
    images: Path,
    first: int,
    measured: dict[str, Measured],
) -> None:
    """Writes three images as PNG and `golden.json`.

    Args:
        folder: of the export.
        manifest: tells which files ship, and their thresholds.
        reference: of the Keras model.
        images: `.npy` with all images.
        first: index in it of the first image that `reference` knows.
        measured: by format, on the images of `reference`.
    """
    golden = folder / "golden"
    golden.mkdir()
    pixels = np.load(images, mmap_mode="r")
    content: dict[str, Any] = {}
    for number, index in enumerate(pick(reference)):
        name = f"golden_{number}.png"
        image = np.array(pixels[first + index])
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(golden / name)
        content[name] = {"label": int(reference.labels[index])}
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


def pick(reference: Reference) -> list[int]:
    """A normal image and an anomalous one, each of the middle of its kind, and the one that scores highest.

    Of images of one kind, the one that scores lowest instead: the highest may be the threshold, to the last digit.
    """
    order = np.argsort(reference.pred_score, kind="stable")
    middles = [order[reference.labels[order] == label] for label in (0, 1)]
    chosen = [int(of_kind[len(of_kind) // 2]) for of_kind in middles if len(of_kind)]
    chosen.append(int(order[-1 if reference.both_kinds else 0]))
    rest = [int(index) for index in order if index not in chosen]
    return (list(dict.fromkeys(chosen)) + rest)[:3]
