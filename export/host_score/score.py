"""The score of a file of integers throughout, computed from its outputs: NumPy, and nothing of TensorFlow.

docs/mobile.md has the formulas and the layout for other languages.
"""

import math
from typing import Any

import numpy as np

from export.tflite.flatbuffer import metadata_of
from piade_tf.pixels import to_unit

BLOCK_NAME, BLOCK_MAGIC = "PIADE_SCORE", b"PIADESC1"
TINY = 1e-12  # as in `PooledScore`
LARGEST = 1e4  # distance that a power is taken of
SIGMA, K1, K2 = 1.5, 0.01, 0.03  # of SSIM (Wang et al. 2004)

Arrays = dict[str, np.ndarray]


def dequantized(runner: Any, outputs: Arrays) -> Arrays:
    """Outputs of a signature runner as the numbers that their integers stand for; others as they are."""
    details, found = runner.get_output_details(), {}
    for name, values in outputs.items():
        scale, zero_point = details[name]["quantization"]
        found[name] = np.float32(scale) * (values.astype("float32") - zero_point) if scale else values
    return found


class HostScore:
    """The score that a file tells how to compute.

    Args:
        about: `outside` of the file's metadata.
        content: the file.
    """

    def __init__(self, about: dict[str, Any], content: bytes):
        self.about = about
        self._content, self._start = content, content.rindex(BLOCK_MAGIC)
        self._floats: dict[int, np.ndarray] = {}

    @classmethod
    def of_file(cls, content: bytes) -> "HostScore | None":
        """The score of a file; None where the file computes it itself."""
        about = (metadata_of(content) or {}).get("outside")
        return cls(about, content) if about else None

    def __call__(self, images: np.ndarray, outputs: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Scores images.

        Args:
            images: `(batch, height, width, channels)`, uint8, as the file took them.
            outputs: what it returned for them, dequantized.

        Returns:
            `pred_score`, `(batch,)`, and `anomaly_map`, `(batch, height, width)`, float32.
        """
        total, maps, weights = np.zeros(len(images), "float32"), [], []
        for part in self.about["parts"].values():
            score, anomaly_map = getattr(self, f"_{part['kind']}")(part, images, outputs)
            if anomaly_map is not None:
                maps.append(anomaly_map)
                weights.append(np.float32(part.get("map_weight", 1)))
            total += np.float32(part["weight"]) * (score - np.float32(part["mean"])) / np.float32(part["deviation"])
        if not maps:
            return total, self._reconstruction_map(images, outputs)
        if self.about["map_of_parts"] == "last":
            return total, maps[-1]
        if self.about["map_of_parts"] == "geometric_mean":
            return total, np.prod(maps, axis=0) ** np.float32(1 / len(maps))
        return total, np.average(maps, axis=0, weights=weights).astype("float32")

    def _reconstruction(self, part: dict[str, Any], images: np.ndarray, outputs: Arrays):
        anomaly_map = self._reconstruction_map(images, outputs)
        return anomaly_map.mean((1, 2)), anomaly_map

    def _gaussians(self, part: dict[str, Any], images: np.ndarray, outputs: Arrays):
        found = {name: self._distance(one, outputs) for name, one in part["features"].items()}
        score = aggregated(np.mean(list(found.values()), axis=0), part["aggregation"])
        if part["map"] is None:
            return score, None
        shown = [found[name] for name, one in part["features"].items() if one["shown"]]
        return score, self._moved(np.mean(shown, axis=0), part["map"])

    def _bank(self, part: dict[str, Any], images: np.ndarray, outputs: Arrays):
        finer, coarser = (in_context(outputs[name], part["context"]) for name in part["outputs"])
        patches = np.concatenate([finer, self._moved(coarser, part["spread"])], axis=-1)
        bank = self._scaled(part["bank"], part["step"])
        products = patches.reshape(-1, bank.shape[1]) @ bank.T
        nearest = (np.square(bank).sum(1) - 2 * products).min(1).reshape(patches.shape[:3])
        distance = np.sqrt(np.maximum(np.square(patches).sum(-1) + nearest, 0)) / np.float32(part["scale"])
        score = aggregated(self._moved(distance, part["smooth"]), part["aggregation"])
        return score, self._moved(distance, part["map"])

    def _distance(self, feature: dict[str, Any], outputs: Arrays) -> np.ndarray:
        """Mahalanobis distances of a feature, `(batch, height, width)` of the part's finest map."""
        mean = self._array(feature["mean"])
        whitening = self._scaled(feature["whitening"], self._array(feature["step"]))
        parts = []
        for name in feature["outputs"]:
            values = outputs[name]
            if name in feature["pool"]:
                values = self._moved(values, feature["pool"][name])
            if feature["projection"] is not None:
                values = values @ self._array(feature["projection"])
            parts.append(in_context(values, feature["context"]) if values.ndim == 4 else values)
        flat = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        if feature["unit_length"]:
            flat = flat / np.sqrt(np.square(flat).sum(1, keepdims=True) + TINY)
        centred = flat.reshape(-1, *mean.shape) - mean
        distance = np.sqrt(np.square(centred[:, :, None, :] @ whitening).sum((2, 3)))
        return self._moved(distance.reshape(-1, *feature["places"]), feature["spread"]) / np.float32(feature["scale"])

    def _moved(self, maps: np.ndarray, matrices: dict[str, Any]) -> np.ndarray:
        """Maps `(batch, h, w)` or `(batch, h, w, channels)` with both axes multiplied by a matrix."""
        rows, columns = self._array(matrices["rows"]), self._array(matrices["columns"])
        return np.moveaxis(rows @ np.moveaxis(maps, (1, 2), (-2, -1)) @ columns.T, (-2, -1), (1, 2))

    def _reconstruction_map(self, images: np.ndarray, outputs: Arrays) -> np.ndarray:
        return reconstruction_map(to_unit(images), outputs["reconstruction"], self.about["ssim_window"])

    def _array(self, place: dict[str, Any]) -> np.ndarray:
        count, offset = math.prod(place["shape"]), self._start + place["offset"]
        return np.frombuffer(self._content, place["dtype"], count, offset).reshape(place["shape"])

    def _scaled(self, place: dict[str, Any], step: Any) -> np.ndarray:
        """Integers times their step, kept from call to call."""
        offset = place["offset"]
        if offset not in self._floats:
            self._floats[offset] = self._array(place) * np.asarray(step, "float32")
        return self._floats[offset]


def aggregated(distances: np.ndarray, aggregation: dict[str, Any]) -> np.ndarray:
    """From `(batch, height, width)` to `(batch,)`; see `piade_tf.scoring.aggregation`."""
    flat, kind, value = distances.reshape(len(distances), -1), aggregation["kind"], aggregation["value"]
    if kind == "power":
        return (np.minimum(flat, LARGEST) ** value).mean(1) ** (1 / value)
    if kind == "top":
        return np.sort(flat, axis=1)[:, -max(1, round(value * flat.shape[1])) :].mean(1)
    return flat.max(1) if kind == "maximum" else flat.mean(1)


def in_context(maps: np.ndarray, context: int) -> np.ndarray:
    """Each place of `(batch, height, width, channels)` averaged with its neighbours, zeros beyond the edge."""
    if context == 1:
        return maps
    rim, (height, width) = context // 2, maps.shape[1:3]
    padded = np.pad(maps, ((0, 0), (rim, rim), (rim, rim), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(context) for j in range(context)]
    return np.sum(shifted, axis=0) / np.float32(context**2)


def reconstruction_map(images: np.ndarray, reconstruction: np.ndarray, window: int) -> np.ndarray:
    """Squared error + 1 - SSIM, each window's spread over the pixels that it covers; see `ReconstructionScore`.

    Args:
        images, reconstruction: `(batch, height, width, channels)`, float32 in [0, 1].
        window: side of the SSIM window in pixels.

    Returns:
        `(batch, height, width)`; its mean is the score.
    """
    a, b = np.moveaxis(images, 3, 1), np.moveaxis(reconstruction, 3, 1)
    rows, columns = (_windows(side, window) for side in a.shape[2:])
    mean_a, mean_b, squares, product = (rows @ x @ columns.T for x in (a, b, a * a + b * b, a * b))
    luminance = (2 * mean_a * mean_b + K1**2) / (mean_a**2 + mean_b**2 + K1**2)
    structure = (2 * (product - mean_a * mean_b) + K2**2) / (squares - mean_a**2 - mean_b**2 + K2**2)
    dissimilarity = 1 - (luminance * structure).mean(1)
    scale = math.prod(a.shape[2:]) / math.prod(dissimilarity.shape[1:])
    return np.square(a - b).mean(1) + np.float32(scale) * (rows.T @ dissimilarity @ columns)


def _windows(length: int, window: int) -> np.ndarray:
    """The Gaussian window at each place where it fits: `(length - window + 1, length)`, rows sum to 1."""
    weights = np.exp(-np.square(np.arange(window) - (window - 1) / 2) / (2 * SIGMA**2))
    places = np.zeros((length - window + 1, length))
    for place, row in enumerate(places):
        row[place : place + window] = weights / weights.sum()
    return places.astype("float32")
