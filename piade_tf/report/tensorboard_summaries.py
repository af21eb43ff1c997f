"""What summaries of a training and of its result have in common: pictures, PNG files, tables of text."""

import math
import struct
from typing import Any

import matplotlib
import numpy as np
import tensorflow as tf
from tensorboard.plugins.image import metadata as image_metadata

from piade_tf.pixels import to_bytes
from piade_tf.report.palette import MAPS

KINDS = ("normal", "anomalous")  # the place is the label
TILE, GAP = 112, 4  # pixels in a picture of examples: least height of an image, space between two


def pictures_of(
    labels: np.ndarray,
    images: np.ndarray,
    reconstructions: np.ndarray,
    anomaly_maps: np.ndarray,
    scale: tuple[float, float],
) -> dict[str, np.ndarray]:
    """By kind, a column an example: the image, its reconstruction, its map; all maps in the same colours.

    Args:
        labels: `(images,)`, 0 normal and 1 anomalous.
        images, reconstructions: `(images, height, width, channels)`, floats in [0, 1].
        anomaly_maps: `(images, height, width)`, floats.
        scale: the values of the first and the last colour of maps.

    Returns:
        `(height, width, 3)`, uint8, of each kind that there is.
    """
    if not len(images):
        return {}
    low, high = scale
    colours = matplotlib.colormaps[MAPS](np.clip((anomaly_maps - low) / (high - low), 0, 1))[..., :3]
    rows = [np.broadcast_to(np.clip(row, 0, 1), colours.shape) for row in (images, reconstructions, colours)]
    tiles = np.stack(rows).repeat(factor := math.ceil(TILE / images.shape[1]), axis=2).repeat(factor, axis=3)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (GAP, 0), (GAP, 0), (0, 0)), constant_values=1)
    pixels = to_bytes(tiles)
    return {
        kind: np.concatenate([np.concatenate(list(row), axis=1) for row in pixels[:, labels == label]])
        for label, kind in enumerate(KINDS)
        if np.any(labels == label)
    }


def encode(picture: np.ndarray) -> bytes:
    """A PNG file of a picture `(height, width, 3)`, uint8."""
    return tf.io.encode_png(picture).numpy()


def write_png(tag: str, png: bytes, description: str | None = None) -> None:
    """Shows a PNG file as it is; `tf.summary.image` would encode it anew."""
    width, height = struct.unpack(">II", png[16:24])
    metadata = image_metadata.create_summary_metadata(display_name=None, description=description)
    tf.summary.write(tag, [str(width).encode(), str(height).encode(), png], metadata=metadata)


def write_summary(summary: Any) -> None:
    """Writes what a plugin has made, a `Summary`, to the default writer."""
    tf.summary.experimental.write_raw_pb(summary.SerializeToString())


def markdown_table(values: dict[str, Any]) -> str:
    """Names and values, a row each; None is "not available"."""
    texts = {
        name: "not available" if value is None else f"{value:.6g}" if isinstance(value, float) else value
        for name, value in values.items()
    }
    rows = [f"| {name} | {text} |" for name, text in texts.items()]
    return "\n".join(["| name | value |", "| --- | --- |", *rows])
