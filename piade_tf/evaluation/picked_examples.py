"""Test images picked for the figures, with what the detector makes of them."""

import dataclasses

import keras
import numpy as np

from piade_tf.data import LabelledSplit
from piade_tf.data.reading import images_at
from piade_tf.model.inference import outputs_of
from piade_tf.model.ssim import ssim_map
from piade_tf.pixels import to_unit

EXAMPLES = 5  # of each kind: more would be too small in a figure of a page's width


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images to show, n of them and perhaps none, with what the detector made of them."""

    images: np.ndarray  # (n, height, width, channels), float32 in [0, 1] or uint8; channels is 1 or 3
    reconstructions: np.ndarray  # same shape, float32 in [0, 1] or uint8
    anomaly_maps: np.ndarray  # (n, height, width), float32, at least 0
    labels: np.ndarray  # (n,), integer, 0 normal and 1 anomalous
    classes: np.ndarray  # (n,), str, printed above each image
    scores: np.ndarray  # (n,), float, high for anomalous
    ssim: np.ndarray  # (n,), float in [-1, 1], of image and reconstruction


def pick_examples(
    inspection: keras.Model, split: LabelledSplit, scores: np.ndarray, each: int, ssim_window: int, seed: int
) -> Examples:
    """Picks normal and anomalous images at random, the anomalous ones from as many classes as there are.

    Args:
        inspection: as `ScoreSet.inspection_model` gives it.
        split: the images.
        scores: theirs, `(split.count,)`; of good images perhaps by statistics of others.
        each: how many of each kind.
        ssim_window: side of the SSIM window in pixels.
        seed: of the choice.
    """
    indices = pick_indices(split, each, seed)
    images = to_unit(images_at(split, indices))
    (outputs,) = outputs_of(inspection, [images])
    similarity = ssim_map(images, np.asarray(outputs["reconstruction"]), ssim_window)
    return Examples(
        images=images,
        reconstructions=np.clip(outputs["reconstruction"], 0, 1),
        anomaly_maps=outputs["anomaly_map"],
        labels=split.labels[indices],
        classes=split.classes[indices],
        scores=scores[indices],
        ssim=keras.ops.convert_to_numpy(similarity).mean(axis=(1, 2, 3)),
    )


def pick_indices(split: LabelledSplit, each: int, seed: int) -> np.ndarray:
    """Places of at most `each` normal and then `each` anomalous images, picked as `pick_examples` says."""
    order = np.random.default_rng(seed).permutation(split.count)
    normal = order[split.labels[order] == 0][:each]
    anomalous = order[split.labels[order] == 1]
    _, first_of_class = np.unique(split.classes[anomalous], return_index=True)
    one_a_class = anomalous[np.sort(first_of_class)]
    anomalous = np.concatenate([one_a_class, anomalous[~np.isin(anomalous, one_a_class)]])[:each]
    return np.concatenate([normal, anomalous]).astype(int)
