"""A trained detector in use: from images, as paths or as arrays, to scores and verdicts."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from piade_tf.config import DEEPEST
from piade_tf.data.decode import UnreadableImageError, decode_file
from piade_tf.data.preparation import Preparation
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold
from piade_tf.model.inference import Runner
from piade_tf.pixels import in_eight_bits, to_bytes, to_unit
from piade_tf.run_directory import RunDirectory
from piade_tf.scoring.score_set import ScoreSet

MAPS = ("anomaly_map", "reconstruction")


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the detector says of an image.

    Attributes:
        path: of the image; its number where it came as an array.
        pred_score: higher is more anomalous.
        percentile: share of normal images that score lower, 0 to 100.
        anomalous: the verdict, whether `pred_score` is above the threshold.
        image: `(height, width, channels)`, uint8, as the network saw it.
        anomaly_map: `(height, width)`, float32, at least 0; None unless asked for.
        reconstruction: like `image`; None unless asked for.
    """

    path: str
    pred_score: float
    percentile: float
    anomalous: bool
    image: np.ndarray
    anomaly_map: np.ndarray | None = None
    reconstruction: np.ndarray | None = None


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
        map_threshold: of the largest value of an anomaly map; above it, a place is anomalous.
    """

    inspection: keras.Model
    preparation: Preparation
    threshold: Threshold
    map_threshold: Threshold
    _runners: dict[bool, Runner] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

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
        scorer = ScoreSet.load(directory.path / "scorer.npz", window)
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
        if maps not in self._runners:
            names = ["pred_score", *(MAPS if maps else ())]
            outputs = {name: self.inspection.output[name] for name in names}
            self._runners[maps] = Runner(keras.Model(self.inspection.input, outputs))
        return self._runners[maps]

    def predict(self, images: Iterable[Any], batch_size: int = 32) -> list[Prediction]:
        """Predictions with anomaly maps and reconstructions, in the order of the images; for few images.

        Args:
            images: a path or an array, or several: arrays of `(height, width)` or `(height, width, 1 or 3)`, uint8,
                0 to 255, of any size; or `(n, height, width, 1 or 3)`. Grey ones may also be uint16, with as many bits
                in use as those that were trained on.
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
        self, images: Iterable[Any], batch_size: int = 32, maps: bool = False
    ) -> Iterator[Prediction | Unreadable]:
        """Predictions one after the other, in bounded memory; images that cannot be read are told as such.

        Args:
            images: as in `predict`.
            batch_size: images at a time.
            maps: whether predictions have their anomaly map and reconstruction.
        """
        batches = read_batches(_one_or_many(images), self.preparation, batch_size)
        waiting: list[tuple[list[str], np.ndarray, np.ndarray]] = []

        def scaled() -> Iterator[Any]:
            for paths, reasons, pixels in batches:
                waiting.append((paths, reasons, pixels))
                yield to_unit(pixels)

        for outputs in self._runner(maps)(scaled()):
            paths, reasons, pixels = waiting.pop(0)
            percentiles = self.threshold.percentile(outputs["pred_score"])
            verdicts = self.threshold.is_anomalous(outputs["pred_score"])
            for i, path in enumerate(paths):
                if reasons[i]:
                    yield Unreadable(path, reasons[i].decode())
                    continue
                yield Prediction(
                    path,
                    float(outputs["pred_score"][i]),
                    float(percentiles[i]),
                    bool(verdicts[i]),
                    pixels[i],
                    outputs["anomaly_map"][i] if maps else None,
                    to_bytes(outputs["reconstruction"][i]) if maps else None,
                )


def read_batches(
    images: Iterable[Any], preparation: Preparation, batch_size: int
) -> Iterator[tuple[list[str], np.ndarray, np.ndarray]]:
    """Batches of prepared images, read while the batch before is scored.

    Yields:
        Paths; reasons why an image could not be read, `(batch,)`, bytes, empty where it could; images
        `(batch, *preparation.shape)`, uint8, zero where it could not.
    """
    listed: Sequence[Any] = list(images)
    pixels_given = [image for image in listed if not isinstance(image, str | bytes | os.PathLike)]
    if pixels_given and len(pixels_given) < len(listed):
        raise InputError("give images either all as paths or all as arrays")
    names = [str(i) for i in range(len(listed))] if pixels_given else [os.fspath(path) for path in listed]

    def read(index: np.ndarray) -> tuple[np.ndarray, bytes]:
        try:
            source = listed[int(index)]
            pixels = _as_pixels(source, preparation.bits) if pixels_given else decode_file(source, preparation.bits)
            return preparation(pixels), b""
        except UnreadableImageError as error:
            return np.zeros(preparation.shape, "uint8"), str(error).encode()

    def prepared(index):
        pixels, reason = tf.numpy_function(read, [index], (tf.uint8, tf.string))
        return tf.ensure_shape(pixels, preparation.shape), tf.ensure_shape(reason, ())

    dataset = tf.data.Dataset.range(len(listed)).map(prepared, num_parallel_calls=tf.data.AUTOTUNE)
    start = 0
    for pixels, reasons in dataset.batch(batch_size).prefetch(2).as_numpy_iterator():
        chosen = names[start : start + len(pixels)]
        yield [os.fsdecode(name) for name in chosen], reasons, pixels
        start += len(pixels)


def _one_or_many(images: Any) -> Iterable[Any]:
    """Several images, also where one came by itself."""
    if isinstance(images, str | bytes | os.PathLike):
        return [images]
    shape = getattr(images, "shape", None)
    if shape is None:
        return images
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)):
        return [images]
    if len(shape) == 4:
        return images
    raise InputError(
        f"expected an image (height, width) or (height, width, 1 or 3), or several (n, height, width, 1 or 3), got an "
        f"array of shape {tuple(shape)}; give a list of images"
    )


def _as_pixels(image: Any, bits: int) -> np.ndarray:
    pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    grey_and_deep = pixels.dtype == np.uint16 and pixels.ndim == 3 and pixels.shape[2] == 1
    if grey_and_deep and pixels.size:
        return in_eight_bits(pixels, bits)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise UnreadableImageError(
            f"is no image: expected uint8 (height, width) or (height, width, 1 or 3), got {pixels.dtype} "
            f"{np.shape(image)}"
        )
    return pixels
