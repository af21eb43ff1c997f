"""From the bytes of an image to a verdict, on several threads at once."""

import base64
import concurrent.futures
import dataclasses
import io
import math
import queue
import threading
from typing import NamedTuple

import numpy as np
from PIL import Image

from export.verification.verify import Runner, load_litert
from piade_tf.data.decode import decode
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import in_short
from piade_tf.files import signature
from piade_tf.quiet import stderr_only_on_failure
from piade_tf.serving.served_file import ServedFile, is_withdrawn

HALF = 127.5  # level of the map's picture at the threshold


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What is said of an image.

    Attributes:
        file: that says it.
        score: higher is more anomalous.
        percentile: place of the score among those of normal images, interpolated: 0 below all, 100 above all.
        anomalous: whether the score is above the threshold.
        map_max: largest value of the anomaly map.
        map_png: the map as base64 of a grey PNG in the size of the network's input, None unless asked for. A place is
            anomalous where it is 128 or brighter.
    """

    file: ServedFile
    score: float
    percentile: float
    anomalous: bool
    map_max: float
    map_png: str | None


class _Loaded(NamedTuple):
    file: ServedFile
    idle: "queue.SimpleQueue[Runner]"


class Inspector:
    """Runs a file with LiteRT: an interpreter for each image at the same time, since it holds its tensors.

    Where the file has changed, as `piade threshold` and `piade export` change it, it is loaded again before the next
    image. Where a new export has rejected it or left it out, it inspects no more.

    Args:
        file: what is run.
        threads: images inspected at the same time.
        most_pixels: of an image; larger ones are refused before they are decoded.

    Raises:
        InputError: the file cannot be run.
    """

    def __init__(self, file: ServedFile, threads: int, most_pixels: int):
        self.path, self.threads, self.most_pixels = file.path, threads, most_pixels
        self.pool = concurrent.futures.ThreadPoolExecutor(threads, "inspect")
        self._loading = threading.Lock()
        with stderr_only_on_failure():  # LiteRT tells of its delegate; later this would silence other threads, too
            self._loaded = self._load(file)

    def current(self) -> ServedFile:
        """The file that inspects the next image. Raises `InputError` where it cannot be run, or was withdrawn."""
        return self._now().file

    def _now(self) -> _Loaded:
        if self._has_changed():
            with self._loading:
                if self._has_changed():
                    file = ServedFile.of_run(self.path.parent.parent, self.path.stem)
                    self._loaded = self._load(file)
                    print(f"threshold {in_short(file.threshold)} from now on: {file.path} has changed", flush=True)
        return self._loaded

    def _has_changed(self) -> bool:
        found = signature(self.path)
        if found is None:  # its drive may be away: it is served from memory, unless a new export is without it
            return is_withdrawn(self.path)
        return found != self._loaded.file.signature

    def _load(self, file: ServedFile) -> _Loaded:
        loaded = _Loaded(file, queue.SimpleQueue())
        try:
            for _ in range(self.threads):
                loaded.idle.put(load_litert(file.content, 1))
                self._inspect(loaded, np.zeros(file.preparation.shape, "uint8"), False)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"{file.path} cannot be run ({' '.join(str(error).split())[:120]})") from None
        return loaded

    def __call__(self, content: bytes, with_map: bool) -> Inspection:
        """Decodes, prepares and inspects an image, in one of the pool's threads.

        Raises:
            UnreadableImageError: it is no image, damaged or too large, or has more bits than the run was trained for.
            InputError: the model gives it a score that is no number, or has changed and cannot be run, or was
                withdrawn.
        """
        loaded = self._now()
        preparation = loaded.file.preparation
        pixels = decode(content, preparation.bits, self.most_pixels).within(preparation.bits)
        found = self._inspect(loaded, preparation(pixels), with_map)
        if not math.isfinite(found.score):  # it is above no threshold, and would pass as normal
            raise InputError(f"the image has the score {found.score}, which is no number; train and export again")
        return found

    def _inspect(self, loaded: _Loaded, image: np.ndarray, with_map: bool) -> Inspection:
        file, idle = loaded
        runner = idle.get()
        try:
            images = np.repeat(image[None], runner.batch, axis=0)  # as many as the export was made for
            found = {name: np.array(values) for name, values in runner(images).items()}
        finally:
            idle.put(runner)
        score = float(found["pred_score"][0])
        anomaly_map = found["anomaly_map"][0]
        return Inspection(
            file,
            score,
            float(file.threshold.percentile(score)),
            bool(file.threshold.is_anomalous(score)),
            float(anomaly_map.max()),
            _picture(anomaly_map, file.map_threshold.value) if with_map else None,
        )


def _picture(anomaly_map: np.ndarray, limit: float) -> str:
    above = anomaly_map > limit
    levels = np.clip(HALF * anomaly_map / limit if limit > 0 else 255.0 * above, 0, 255).astype("uint8")
    levels = np.where(above, np.maximum(levels, 128), np.minimum(levels, 127)).astype("uint8")
    content = io.BytesIO()
    Image.fromarray(levels).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()
