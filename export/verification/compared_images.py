"""The images that run and file are compared on, one kind after the other in a file that each format's process reads."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np

from export.verification.synthetic_defects import COUNT, defects_near_threshold
from piade_tf.data import DataSplits
from piade_tf.data.known_images import GOOD
from piade_tf.evaluation.threshold import Threshold
from piade_tf.model.inference import Runner
from piade_tf.pixels import to_unit

BATCH = 64  # images read at a time


@dataclasses.dataclass(frozen=True)
class ComparedImages:
    """Where the images of each kind lie.

    Attributes:
        path: `.npy`, `(n, height, width, channels)`, uint8.
        calibration: normal images, which set thresholds: those that were held out for it, or all good images where
            these were scored in folds.
        validation: normal images; which set none where others were held out for it.
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
) -> tuple[ComparedImages, np.ndarray, np.ndarray]:
    """Writes the images, and tells what the run says of them.

    Args:
        path: of the file.
        data: of the run.
        inspection: of the run, see `ScoreSet.inspection_model`.
        threshold: of the run.
        seed: of the defects.

    Returns:
        The images, and of each `pred_score` and the largest value of its anomaly map, `(n,)`.
    """
    map_max = keras.ops.max(inspection.output["anomaly_map"], axis=(1, 2))
    runner = Runner(keras.Model(inspection.input, {"pred_score": inspection.output["pred_score"], "map_max": map_max}))

    def scores(batches: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        found = list(runner(batches))
        pred_score, largest = (np.concatenate([one[name] for one in found]) for name in ("pred_score", "map_max"))
        return pred_score, largest

    def share_flagged(images: Iterable[np.ndarray]) -> float:
        scaled = to_unit(np.stack(list(images)))
        batches = (scaled[start : start + BATCH] for start in range(0, len(scaled), BATCH))
        return float(threshold.is_anomalous(scores(batches)[0]).mean())

    unchanged = np.stack(list(data.validation.images.take(COUNT).as_numpy_iterator()))
    changed = defects_near_threshold(unchanged, share_flagged, seed)
    calibration = [getattr(data, name) for name in (GOOD if threshold.folds else GOOD[-1:])]
    splits = {"calibration": calibration, "validation": [data.validation], "test": [data.test]}
    counts = {name: sum(part.count for part in splits[name]) for name in ("calibration", "validation")}
    counts["changed"] = len(changed)
    ends = np.cumsum([0, *counts.values(), data.test.count]).tolist()
    places = {name: slice(*ends[i : i + 2]) for i, name in enumerate([*counts, "test"])}
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (ends[-1], *data.image_shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for name in places:
            if name == "changed":
                file.writelines(image.tobytes() for image in changed)
                continue
            for part in splits[name]:
                for batch in part.images.batch(BATCH).as_numpy_iterator():
                    file.write(batch.tobytes())
    images = ComparedImages(path, **places)
    return images, *scores(images.batches())
