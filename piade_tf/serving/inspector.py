"""From the bytes of an image to a verdict, on several threads at once."""

import base64
import concurrent.futures
import dataclasses
import io
import math
import queue

import numpy as np
from PIL import Image

from export.verification.verify import Runner, load_litert
from piade_tf.data.decode import decode
from piade_tf.errors import InputError
from piade_tf.quiet import stderr_only_on_failure
from piade_tf.serving.served_file import ServedFile

HALF = 127.5  # level of the map's picture at the threshold


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What is said of an image.

    Attributes:
        score: higher is more anomalous.
        percentile: place of the score among those of normal images, interpolated: 0 below all, 100 above all.
        anomalous: whether the score is above the threshold.
        map_max: largest value of the anomaly map.
        map_png: the map as base64 of a grey PNG in the size of the network's input, None unless asked for. A place is
            anomalous where it is 128 or brighter.
    """

    score: float
    percentile: float
    anomalous: bool
    map_max: float
    map_png: str | None


class Inspector:
    """Runs a file with LiteRT: an interpreter for each image at the same time, since it holds its tensors.

    Args:
        file: what is run.
        threads: images inspected at the same time.
        most_pixels: of an image; larger ones are refused before they are decoded.

    Raises:
        InputError: the file cannot be run.
    """

    def __init__(self, file: ServedFile, threads: int, most_pixels: int):
        self.file, self.threads, self.most_pixels = file, threads, most_pixels
        self.pool = concurrent.futures.ThreadPoolExecutor(threads, "inspect")
        self._idle: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        with stderr_only_on_failure():  # LiteRT tells of its delegate
            try:
                for _ in range(threads):
                    self._idle.put(load_litert(file.path, 1))
                    self._inspect(np.zeros(file.preparation.shape, "uint8"), False)
            except (OSError, ValueError, RuntimeError) as error:
                raise InputError(f"{file.path} cannot be run ({' '.join(str(error).split())[:120]})") from None

    def __call__(self, content: bytes, with_map: bool) -> Inspection:
        """Decodes, prepares and inspects an image, in one of the pool's threads.

        Raises:
            UnreadableImageError: it is no image, damaged or too large, or has more bits than the run was trained for.
            InputError: the model gives it a score that is no number.
        """
        bits = self.file.preparation.bits
        pixels = decode(content, bits, self.most_pixels).within(bits)
        found = self._inspect(self.file.preparation(pixels), with_map)
        if not math.isfinite(found.score):  # it is above no threshold, and would pass as normal
            raise InputError(f"the image has the score {found.score}, which is no number; train and export again")
        return found

    def _inspect(self, image: np.ndarray, with_map: bool) -> Inspection:
        runner = self._idle.get()
        try:
            images = np.repeat(image[None], runner.batch, axis=0)  # as many as the export was made for
            found = {name: np.array(values) for name, values in runner(images).items()}
        finally:
            self._idle.put(runner)
        score = float(found["pred_score"][0])
        anomaly_map = found["anomaly_map"][0]
        threshold = self.file.threshold
        return Inspection(
            score,
            float(threshold.percentile(score)),
            bool(threshold.is_anomalous(score)),
            float(anomaly_map.max()),
            self._picture(anomaly_map) if with_map else None,
        )

    def _picture(self, anomaly_map: np.ndarray) -> str:
        limit = self.file.map_threshold.value
        above = anomaly_map > limit
        levels = np.clip(HALF * anomaly_map / limit if limit > 0 else 255.0 * above, 0, 255).astype("uint8")
        levels = np.where(above, np.maximum(levels, 128), np.minimum(levels, 127)).astype("uint8")
        content = io.BytesIO()
        Image.fromarray(levels).save(content, "PNG")
        return base64.b64encode(content.getvalue()).decode()
