"""The metrics against definitions written out, and the scoring of a split."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from piade_tf.data import LabelledSplit
from piade_tf.evaluation import Scored, f1_max, image_metrics, score_split

# Few values, so that ties are frequent; both kinds at least once.
labelled_scores = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=30).filter(
    lambda rows: {label for label, _ in rows} == {0, 1}
)


def columns(rows):
    labels, scores = np.array(rows).T
    return labels, scores.astype("float32")


def pairwise_auroc(labels, scores):
    """The share of pairs in which the anomalous image scores higher; a tie counts half."""
    normal, anomalous = scores[labels == 0][:, None], scores[labels == 1][None, :]
    return float(np.mean((anomalous > normal) + 0.5 * (anomalous == normal)))


def precision_and_recall(labels, scores, threshold):
    flagged = scores >= threshold
    return labels[flagged].mean(), labels[flagged].sum() / labels.sum()


def average_precision(labels, scores):
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        precision, recall = precision_and_recall(labels, scores, threshold)
        total, before = total + (recall - before) * precision, recall
    return total


def best_f1(labels, scores):
    values = [0.0]
    for threshold in set(scores):
        precision, recall = precision_and_recall(labels, scores, threshold)
        if precision + recall:
            values.append(2 * precision * recall / (precision + recall))
    return max(values)


@settings(deadline=None, max_examples=60)
@given(labelled_scores)
def test_metrics_equal_their_definitions(rows):
    labels, scores = columns(rows)
    metrics = image_metrics(labels, Scored(scores, {"other": -scores}))
    assert metrics["image_AUROC"] == pytest.approx(pairwise_auroc(labels, scores))
    assert metrics["image_AUPR"] == pytest.approx(average_precision(labels, scores))
    assert metrics["image_F1Max"] == pytest.approx(best_f1(labels, scores))
    assert metrics["image_AUROC_by_score"] == {"other": pytest.approx(pairwise_auroc(labels, -scores))}
    assert (metrics["n_normal"], metrics["n_anomalous"]) == (np.sum(labels == 0), np.sum(labels == 1))


def test_perfect_and_inverted_scores():
    labels = np.array([0, 0, 1, 1])
    perfect = image_metrics(labels, Scored(np.array([0.1, 0.2, 0.3, 0.4]), {}))
    inverted = image_metrics(labels, Scored(np.array([0.4, 0.3, 0.2, 0.1]), {}))
    assert [perfect[name] for name in ("image_AUROC", "image_AUPR", "image_F1Max")] == [1.0, 1.0, 1.0]
    assert inverted["image_AUROC"] == 0.0


def test_metrics_are_plain_numbers():
    metrics = image_metrics(np.array([0, 1]), Scored(np.array([0.0, 1.0], "float32"), {"a": np.array([1.0, 0.0])}))
    assert {type(value) for value in metrics.values()} == {float, int, dict}
    assert type(metrics["image_AUROC_by_score"]["a"]) is float


@pytest.mark.parametrize("label, counts", [(0, (3, 0)), (1, (0, 3))])
def test_one_kind_alone_has_counts_but_no_metrics(label, counts):
    metrics = image_metrics(np.full(3, label), Scored(np.arange(3.0), {"a": np.arange(3.0)}))
    assert (metrics.pop("n_normal"), metrics.pop("n_anomalous")) == counts
    assert set(metrics) == {"image_AUROC", "image_AUPR", "image_F1Max", "image_AUROC_by_score"}
    assert set(metrics.values()) == {None}


def test_best_f1_of_scores_that_say_nothing_is_that_of_flagging_everything():
    assert f1_max(np.array([0, 0, 1]), np.zeros(3)) == pytest.approx(0.5)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_a_split_is_scored_in_its_own_order(batch_size):
    image = keras.Input((2, 2, 1))
    mean = keras.ops.mean(image, axis=(1, 2, 3))
    outputs = {"pred_score": 2 * mean, "score_a": mean, "score_b": -mean, "anomaly_map": image}
    values = np.random.default_rng(0).permutation(10)
    pixels = np.broadcast_to(values[:, None, None, None], (10, 2, 2, 1)).astype("uint8")
    labels = np.zeros(10, int)
    split = LabelledSplit(tf.data.Dataset.from_tensor_slices(pixels), 10, labels, labels.astype(str), labels)
    scored = score_split(keras.Model(image, outputs), split, batch_size)
    np.testing.assert_allclose(scored.pred_score, 2 * values / 255, rtol=1e-5)
    assert set(scored.by_name) == {"a", "b"}
    np.testing.assert_allclose(scored.by_name["a"], values / 255, rtol=1e-5)
    np.testing.assert_allclose(scored.by_name["b"], -values / 255, rtol=1e-5)
