"""`golden/`: images with what each file says of them, for the unit test of an app."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from export.publish.photographs import write_photographs
from export.verification.compared_images import ComparedImages
from export.verification.measure import Measured
from piade_tf.data.preparation import Preparation
from piade_tf.files import write_json


def write_golden(
    folder: Path,
    manifest: dict[str, Any],
    labels: np.ndarray,
    scores: np.ndarray,
    images: ComparedImages,
    measured: dict[str, Measured],
    preparation: Preparation | None,
) -> None:
    """Writes three images as PNG, or four, and `golden.json`; two of them as larger photographs.

    Where none of the three raises an alarm, a good image with a synthetic defect that does is the fourth.

    Args:
        folder: of the export.
        manifest: tells which files ship, and their thresholds.
        labels: of the test images, `(n,)`, 0 normal, 1 anomalous; without any, good images are taken.
        scores: what the run says of all images.
        images: all images.
        measured: by format, on these.
        preparation: of the run; None, of older runs: there are no photographs.
    """
    golden = folder / "golden"
    golden.mkdir()
    pixels = np.load(images.path, mmap_mode="r")
    shipped = {name: found for name, found in measured.items() if manifest["files"][name]["accepted"]}
    limits = {name: manifest["files"][name]["threshold"]["value"] for name in shipped}
    place = images.test if len(labels) else images.validation
    labels = labels if len(labels) else np.zeros(place.stop - place.start, "int64")
    chosen: list[tuple[int, dict[str, Any]]] = [
        (place.start + index, {"label": int(labels[index])}) for index in pick(labels, scores[place])
    ]
    if shipped and not any(_margin(shipped, limits, [index])[0] > 0 for index, _ in chosen):
        changed = range(images.changed.start, images.changed.stop)
        strongest = changed[int(np.argmax(_margin(shipped, limits, changed)))]
        chosen.append((strongest, {"label": 1, "synthetic": True}))
    content: dict[str, Any] = {}
    for number, (index, about) in enumerate(chosen):
        name, image = f"golden_{number}.png", np.array(pixels[index])
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(golden / name)
        content[name] = about | {
            format_name: {
                "pred_score": float(found.pred_score[index]),
                "anomalous": bool(found.pred_score[index] > limits[format_name]),
                "anomaly_map_max": float(found.map_max[index]),
                "anomaly_map_mean": float(found.map_mean[index]),
                "reconstruction_mean": float(found.reconstruction_mean[index]),
            }
            for format_name, found in shipped.items()
        }
    write_json(golden / "golden.json", content)
    if preparation is not None:
        margins = _margin(shipped, limits, [index for index, _ in chosen]) if shipped else np.zeros(len(chosen))
        of_two = dict.fromkeys((int(margins.argmin()), int(margins.argmax())))  # the best part, and the worst
        sources = [(np.array(pixels[chosen[i][0]]), chosen[i][1]) for i in of_two]
        files = {name: folder / f"{name}.tflite" for name in shipped if name != "saved_model"}
        write_photographs(golden, sources, files, limits, preparation)


def _margin(shipped: dict[str, Measured], limits: dict[str, float], indices: Sequence[int]) -> np.ndarray:
    """How far images lie above the threshold of every file that ships, `(n,)`."""
    return np.min([found.pred_score[list(indices)] - limits[name] for name, found in shipped.items()], axis=0)


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
