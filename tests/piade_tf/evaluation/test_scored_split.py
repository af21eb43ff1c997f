"""The scoring of a split."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.data import LabelledSplit
from piade_tf.evaluation.scored_split import score_split


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_a_split_is_scored_in_its_own_order(batch_size):
    image = keras.Input((2, 2, 1))
    mean = keras.ops.mean(image, axis=(1, 2, 3))
    outputs = {"pred_score": 2 * mean, "score_a": mean, "score_b": -mean, "anomaly_map": image[..., 0]}
    values = np.random.default_rng(0).permutation(10)
    pixels = np.broadcast_to(values[:, None, None, None], (10, 2, 2, 1)).astype("uint8")
    labels = np.zeros(10, int)
    images = tf.data.Dataset.from_tensor_slices(pixels)
    split = LabelledSplit(images, 10, labels=labels, classes=labels.astype(str), ids=labels)
    scored = score_split(keras.Model(image, outputs), split, batch_size)
    np.testing.assert_allclose(scored.pred_score, 2 * values / 255, rtol=1e-5)
    assert set(scored.by_name) == {"a", "b"}
    np.testing.assert_allclose(scored.by_name["a"], values / 255, rtol=1e-5)
    np.testing.assert_allclose(scored.by_name["b"], -values / 255, rtol=1e-5)
    np.testing.assert_allclose(scored.map_max, values / 255, rtol=1e-5)
