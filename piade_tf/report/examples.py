"""Test images picked for the figures, with what the detector makes of them."""

import keras
import numpy as np

from piade_tf.data import LabelledSplit
from piade_tf.data.pipeline import scale
from piade_tf.data.splits import images_at
from piade_tf.evaluation.metrics import Scored
from piade_tf.model.inference import outputs_of
from piade_tf.model.ssim import ssim_map
from piade_tf.report.figures import Examples


def pick_examples(
    inspection: keras.Model, split: LabelledSplit, scored: Scored, each: int, ssim_window: int, seed: int
) -> Examples:
    """Picks normal and anomalous images at random, the anomalous ones from as many classes as there are.

    Args:
        inspection: as `ScoreSet.inspection_model` gives it.
        split: the images.
        scored: their scores.
        each: how many of each kind.
        ssim_window: side of the SSIM window in pixels.
        seed: of the choice.
    """
    indices = pick_indices(split, each, seed)
    images = np.asarray(scale(images_at(split, indices)))
    (outputs,) = outputs_of(inspection, [images])
    similarity = ssim_map(images, np.asarray(outputs["reconstruction"]), ssim_window)
    return Examples(
        images=images,
        reconstructions=np.clip(outputs["reconstruction"], 0, 1),
        anomaly_maps=outputs["anomaly_map"],
        labels=split.labels[indices],
        classes=split.classes[indices],
        scores=scored.pred_score[indices],
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
