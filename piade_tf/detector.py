"""A trained detector in use: from images, as paths or as arrays, to scores and verdicts."""

import dataclasses
import itertools
import math
import os
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from piade_tf.config import DEEPEST
from piade_tf.data.decode import Decoded, UnreadableImageError, decode, from_pillow, read_content
from piade_tf.data.preparation import Preparation
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold
from piade_tf.in_order import in_order
from piade_tf.model.inference import Runner
from piade_tf.pixels import in_eight_bits, share_beyond, to_bytes, to_unit
from piade_tf.run_directory import RunDirectory
from piade_tf.scoring.scorer_file import read_scorer

MAPS = ("anomaly_map", "reconstruction")
BATCH_SIZE = 32
READ_AHEAD = 2  # batches
VERDICTS = ("normal", "anomalous")  # the place is the label
CHANNELS = (1, 3, 4)  # grey, colour, colour with alpha


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the detector says of an image.

    Attributes:
        path: of the image; its number where it came as an array.
        pred_score: higher is more anomalous.
        percentile: place of the score among those of normal images, interpolated: 0 below all, 100 above all.
        pred_label: whether it is anomalous, that is, `pred_score` is above the threshold. `verdict` is the word for it.
        image: `(height, width, channels)`, uint8, as the network saw it.
        anomaly_map: `(height, width)`, float32, at least 0; None unless asked for.
        reconstruction: like `image`; None unless asked for.
    """

    path: str
    pred_score: float
    percentile: float
    pred_label: bool
    image: np.ndarray
    anomaly_map: np.ndarray | None = None
    reconstruction: np.ndarray | None = None

    @property
    def verdict(self) -> str:
        """`normal` or `anomalous`."""
        return VERDICTS[self.pred_label]

    @property
    def anomalous(self) -> bool:
        """`pred_label` by its earlier name."""
        return self.pred_label


@dataclasses.dataclass(frozen=True)
class Unreadable:
    """An image that could not be read, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Detector:
    """A network with its score and its threshold.

    Attributes:
        inspection: as `ScoreSet.inspection_model` gives it.
        preparation: from any image to what the network takes.
        threshold: of `pred_score`.
        map_threshold: of the largest value of an anomaly map; above it, a place is unusual. It decides no verdict.
    """

    inspection: keras.Model
    preparation: Preparation
    threshold: Threshold
    map_threshold: Threshold
    _runners: dict[bool, Runner] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)
    _making: threading.Lock = dataclasses.field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, run: str | Path) -> "Detector":
        """Loads a run directory that a training made.

        Raises:
            InputError: it is missing, not complete, damaged or of a newer version.
        """
        directory = RunDirectory(Path(run))
        config = directory.read_config()
        try:
            options, prepared = config["options"], config["preparation"]
            preparation = Preparation(
                tuple(prepared["size"]),
                prepared["resize"],
                tuple(prepared["crop"]) if prepared["crop"] else None,
                prepared["channels"],
                prepared.get("bits", DEEPEST),
            )
            window, chosen = options["loss"]["ssim_window"], options["score"]
        except (KeyError, TypeError) as error:
            raise InputError(f"{directory.path / 'config.json'} lacks {error}; train again") from None
        scorer = read_scorer(directory.path / "scorer.npz", window)
        network = directory.read_network()
        try:
            inspection = scorer.inspection_model(network, chosen)
        except (ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"scorer.npz and model.keras of {run} do not belong together ({reason})") from None
        return cls(
            inspection,
            preparation,
            Threshold.read(directory.path / "threshold.json"),
            Threshold.read(directory.path / "map_threshold.json"),
        )

    def _runner(self, maps: bool) -> Runner:
        """The inspection with the outputs that are asked for; made once, since TensorFlow traces each model anew."""
        with self._making:
            if maps not in self._runners:
                names = ["pred_score", *(MAPS if maps else ())]
                outputs = {name: self.inspection.output[name] for name in names}
                self._runners[maps] = Runner(keras.Model(self.inspection.input, outputs))
        return self._runners[maps]

    def predict(self, images: Iterable[Any], batch_size: int = BATCH_SIZE) -> list[Prediction]:
        """Predictions with anomaly maps and reconstructions, in the order of the images; for few images.

        Args:
            images: a path, an array or a picture of Pillow's, or several: arrays of `(height, width)` or
                `(height, width, 1, 3 or 4)`, uint8, 0 to 255, of any size; or `(n, height, width, 1, 3 or 4)`. Grey
                ones may also be uint16, with as many bits in use as those that were trained on. Of four channels the
                last, alpha, is dropped, as in files.
            batch_size: images at a time.

        Raises:
            InputError: an image cannot be read.
        """
        found = []
        for result in self.stream(images, batch_size, maps=True):
            if isinstance(result, Unreadable):
                raise InputError(f"{result.path} {result.reason}")
            found.append(result)
        return found

    def stream(
        self, images: Iterable[Any], batch_size: int | None = None, maps: bool = False
    ) -> Iterator[Prediction | Unreadable]:
        """Predictions one after the other, in bounded memory; images that cannot be read are told as such.

        Several threads may use one detector, each with a stream of its own.

        Args:
            images: as in `predict`. From an iterator, as a camera's frames come, each image is asked for when the
                prediction for the one before was given; of a list, images are read ahead.
            batch_size: images at a time; None: 32, and 1 from an iterator.
            maps: whether predictions have their anomaly map and reconstruction.
        """
        images = _one_or_many(images)
        count = len(images) if isinstance(images, Collection) else None
        live = count is None
        size = batch_size or (1 if live else BATCH_SIZE)
        threads = 0 if live or count == 1 else os.cpu_count() or 1
        frames = in_order(self._read, enumerate(images), threads, READ_AHEAD * size)
        waiting: deque[list[tuple[str, np.ndarray | str]]] = deque()

        def scaled() -> Iterator[np.ndarray]:
            while batch := list(itertools.islice(frames, size)):
                waiting.append(batch)
                blank = np.zeros(self.preparation.shape, "uint8")
                yield to_unit(np.stack([blank if isinstance(pixels, str) else pixels for _, pixels in batch]))

        for outputs in self._runner(maps)(scaled(), live):
            percentiles = self.threshold.percentile(outputs["pred_score"])
            verdicts = self.threshold.is_anomalous(outputs["pred_score"])
            for i, (path, pixels) in enumerate(waiting.popleft()):
                if isinstance(pixels, str):
                    yield Unreadable(path, pixels)
                    continue
                score = float(outputs["pred_score"][i])
                if not math.isfinite(score):  # it is above no threshold, and would pass as normal
                    yield Unreadable(path, f"has the score {score}, which is no number; train again")
                    continue
                yield Prediction(
                    path,
                    score,
                    float(percentiles[i]),
                    bool(verdicts[i]),
                    pixels,
                    outputs["anomaly_map"][i] if maps else None,
                    to_bytes(outputs["reconstruction"][i]) if maps else None,
                )

    def _read(self, numbered: tuple[int, Any]) -> tuple[str, np.ndarray | str]:
        """An image's path or number, and its pixels as the network takes them or the reason why it has none."""
        number, image = numbered
        is_path = isinstance(image, str | bytes | os.PathLike)
        name = os.fsdecode(image) if is_path else str(number)
        try:
            bits = self.preparation.bits
            if isinstance(image, Image.Image):
                decoded = from_pillow(image, bits)
            else:
                decoded = decode(read_content(image), bits) if is_path else _from_array(image, bits)
            return name, self.preparation(decoded.within(bits))
        except UnreadableImageError as error:
            return name, str(error)


def _one_or_many(images: Any) -> Iterable[Any]:
    """Several images, also where one came by itself."""
    if isinstance(images, str | bytes | os.PathLike | Image.Image):
        return [images]
    shape = getattr(images, "shape", None)
    if shape is None:
        return images
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS):
        return [images]
    if len(shape) == 4:
        return images
    raise InputError(
        "expected an image (height, width) or (height, width, 1, 3 or 4), or several (n, height, width, 1, 3 or 4), "
        f"got an array of shape {tuple(shape)}; give a list of images"
    )


def _from_array(image: Any, bits: int) -> Decoded:
    pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    grey_and_deep = pixels.dtype == np.uint16 and pixels.ndim == 3 and pixels.shape[2] == 1
    if grey_and_deep and pixels.size:
        return Decoded(in_eight_bits(pixels, bits), "I;16", int(pixels.max()), beyond=share_beyond(pixels, bits))
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in CHANNELS or 0 in pixels.shape:
        raise UnreadableImageError(
            f"is no image: expected uint8 (height, width) or (height, width, 1, 3 or 4), got {pixels.dtype} "
            f"{np.shape(image)}"
        )
    return Decoded(pixels[..., :3], "array")
