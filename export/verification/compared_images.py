"""The images that run and file are compared on, one kind after the other in a file that each format's process reads."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np

from export.verification.synthetic_defects import COUNT, defects_near_threshold
from piade_tf.data import DataSplits
from piade_tf.evaluation.threshold import Threshold
from piade_tf.model.inference import Runner
from piade_tf.pixels import to_unit

BATCH = 64  # images read at a time


@dataclasses.dataclass(frozen=True)
class ComparedImages:
    """Where the images of each kind lie.

    Attributes:
        path: `.npy`, `(n, height, width, channels)`, uint8.
        calibration: normal images, which set thresholds.
        validation: normal images, which set none.
        changed: validation images with synthetic defects.
        test: the test images; perhaps none.
    """

    path: Path
    calibration: slice
    validation: slice
    changed: slice
    test: slice

    def batches(self) -> Iterator[np.ndarray]:
        """All images in [0, 1], `(batch, height, width, channels)`, float32."""
        pixels = np.load(self.path, mmap_mode="r")
        return (to_unit(np.asarray(pixels[start : start + BATCH])) for start in range(0, len(pixels), BATCH))


def write_images(
    path: Path, data: DataSplits, inspection: keras.Model, threshold: Threshold, seed: int
) -> tuple[ComparedImages, np.ndarray]:
    """Writes the images, and tells what the run says of them.

    Args:
        path: of the file.
        data: of the run.
        inspection: of the run, see `ScoreSet.inspection_model`.
        threshold: of the run.
        seed: of the defects.

    Returns:
        The images, and `pred_score` of each, `(n,)`.
    """
    runner = Runner(keras.Model(inspection.input, {"pred_score": inspection.output["pred_score"]}))

    def scores(batches: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([found["pred_score"] for found in runner(batches)])

    def share_flagged(images: Iterable[np.ndarray]) -> float:
        scaled = to_unit(np.stack(list(images)))
        batches = (scaled[start : start + BATCH] for start in range(0, len(scaled), BATCH))
        return float(threshold.is_anomalous(scores(batches)).mean())

    unchanged = np.stack(list(data.validation.images.take(COUNT).as_numpy_iterator()))
    changed = defects_near_threshold(unchanged, share_flagged, seed)
    splits = {"calibration": data.calibration, "validation": data.validation, "test": data.test}
    counts = {"calibration": data.calibration.count, "validation": data.validation.count, "changed": len(changed)}
    ends = np.cumsum([0, *counts.values(), data.test.count]).tolist()
    places = {name: slice(*ends[i : i + 2]) for i, name in enumerate([*counts, "test"])}
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (ends[-1], *data.image_shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for name in places:
            if name == "changed":
                file.writelines(image.tobytes() for image in changed)
                continue
            for batch in splits[name].images.batch(BATCH).as_numpy_iterator():
                file.write(batch.tobytes())
    images = ComparedImages(path, **places)
    return images, scores(images.batches())
