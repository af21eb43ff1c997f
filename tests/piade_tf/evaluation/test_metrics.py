"""The metrics against definitions written out."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from piade_tf.data import LabelledSplit, Split
from piade_tf.evaluation.intervals import clopper_pearson
from piade_tf.evaluation.metrics import all_metrics, confusion, f1_max, image_metrics
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.evaluation.scored_split import Scored, score_split
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.report.metric import Metric

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


# === Confusion ===


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=1, max_size=20))
def test_counts_and_shares_equal_their_definitions(rows):
    labels, predicted = (np.array(column) for column in zip(*rows, strict=True))
    result = confusion(labels, predicted)
    assert [result[name] for name in ("TP", "FP", "TN", "FN")] == [
        rows.count(pair) for pair in ((1, True), (0, True), (0, False), (1, False))
    ]
    anomalous, flagged = int(labels.sum()), int(predicted.sum())
    assert result["accuracy"] == pytest.approx(np.mean(labels == predicted))
    assert result["TPR"] == result["recall"] == (recall_score(labels, predicted) if anomalous else None)
    assert result["precision"] == (precision_score(labels, predicted) if flagged else None)
    normal = len(rows) - anomalous
    assert result["FPR"] == (pytest.approx(predicted[labels == 0].mean()) if normal else None)


def test_every_rate_has_its_exact_interval():
    labels, predicted = np.repeat([0, 1], [50, 5]), np.zeros(55, bool)
    none = confusion(labels, predicted)
    assert (none["FPR"], none["FPR_interval"]) == (0.0, (0.0, pytest.approx(1 - 0.025 ** (1 / 50))))
    predicted[:3] = True
    low, high = confusion(labels, predicted)["FPR_interval"]
    assert low < 3 / 50 < high
    assert (binom.sf(2, 50, low), binom.cdf(3, 50, high)) == pytest.approx((0.025, 0.025))
    predicted[50:] = True
    assert confusion(labels, predicted)["TPR_interval"] == pytest.approx((0.025 ** (1 / 5), 1))
    assert confusion(labels, predicted)["precision_interval"] == clopper_pearson(5, 8)


@pytest.mark.parametrize(
    "labels, predicted, undefined",
    [
        ([1, 1], [True, False], {"FPR"}),
        ([0, 0], [True, False], {"TPR", "recall"}),
        ([0, 1], [False, False], {"precision"}),
        ([], [], {"TPR", "FPR", "precision", "recall", "accuracy"}),
    ],
)
def test_shares_of_nothing_are_none(labels, predicted, undefined):
    result = confusion(np.array(labels), np.array(predicted, bool))
    missing = {name for name, value in result.items() if value is None}
    assert missing == undefined | {f"{name}_interval" for name in undefined}


def test_confusion_refuses_unequal_lengths():
    with pytest.raises(ValueError, match=r"expected labels and predictions \(n,\), got \(2,\) and \(1,\)"):
        confusion(np.array([0, 1]), np.array([True]))


# === All metrics ===


@pytest.fixture(scope="module")
def inspection():
    """A detector whose map is the image and whose score is its mean."""
    image = keras.Input((6, 6, 1))
    mean = keras.ops.mean(image, axis=(1, 2, 3))
    return keras.Model(image, {"pred_score": mean, "score_mean": mean, "anomaly_map": image[..., 0]})


def labelled(images, labels, classes, masks=None, has_mask=None):
    labels = np.array(labels)
    if masks is not None:
        masks = Split(tf.data.Dataset.from_tensor_slices(masks), len(masks))
    has_mask = np.ones(len(labels), bool) if has_mask is None else has_mask
    return LabelledSplit(
        tf.data.Dataset.from_tensor_slices(images), len(images), labels=labels, classes=np.array(classes, str),
        ids=np.arange(len(labels)).astype(str), masks=masks, has_mask=has_mask,
    )  # fmt: skip


def measured(inspection, split, batch_size=3, value=0.5):
    pixels = {}
    scored = score_split(inspection, split, batch_size, pixels)
    normal = scored.pred_score[split.labels == 0] if split.count else np.array([0.1, 0.2])
    threshold = fit_threshold(f"value:{value}", 0.01, normal if len(normal) else [0.1])
    return scored, all_metrics(split, scored, threshold, pixels)


def test_pixel_metrics_are_those_of_the_images_that_have_a_mask(inspection):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10, 6, 6, 1), "uint8")
    labels, classes = [0] * 4 + [1] * 6, ["good"] * 4 + ["dent"] * 3 + ["rust"] * 3
    masks = np.zeros((10, 6, 6), "uint8")
    masks[4:, 1:3, 2:5] = 1
    known = np.arange(10) != 9  # of the last nobody knows where the rust is
    masks[9] = 0
    _, metrics = measured(inspection, labelled(images, labels, classes, masks, known))
    chosen = images[known][..., 0] / np.float32(255)
    error = metrics["pixel_AUROC_error"] + 1e-9
    assert metrics["pixel_AUROC"] == pytest.approx(roc_auc_score(masks[known].ravel(), chosen.ravel()), abs=error)
    low, high = metrics["intervals"]["pixel_AUPRO"]
    assert metrics["pixel_regions"] == 5 and 0 <= low < metrics["pixel_AUPRO"] < high <= 1
    of_dent = np.r_[0:7]
    expected = roc_auc_score(masks[of_dent].ravel(), images[of_dent].ravel())
    assert metrics["per_class"]["dent"]["pixel_AUROC"] == pytest.approx(expected, abs=2e-3)


def test_a_class_without_masks_says_why_it_has_no_pixel_metrics(inspection):
    images, classes = np.arange(6 * 36, dtype="uint8").reshape(6, 6, 6, 1), ["good"] * 2 + ["dent"] * 2 + ["rust.1"] * 2
    masks = np.zeros((6, 6, 6), "uint8")
    masks[2:4, 1:3] = 1
    _, metrics = measured(inspection, labelled(images, [0, 0, 1, 1, 1, 1], classes, masks, np.arange(6) < 4))
    row = Metric(metrics, ("per_class",)).at("rust.1")
    assert row.at("pixel_AUPRO").value is None
    assert row.at("pixel_AUPRO").reason == "none of its images has a mask with a defect"
    assert Metric(metrics, ("per_class",)).at("dent").at("pixel_AUPRO").value is not None


def test_pixel_metrics_in_the_masks_own_size_stand_beside_those_in_the_networks(inspection):
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 1), "uint8")
    masks = np.zeros((4, 6, 6), "uint8")
    masks[2:, :3] = 1
    split = labelled(images, [0, 0, 1, 1], ["good"] * 2 + ["dent"] * 2, masks)
    large = np.zeros((12, 12), bool)
    large[:6] = True

    def in_own_size(index, anomaly_map):
        return anomaly_map.repeat(2, 0).repeat(2, 1), large & (index > 1)

    pixels, own_pixels = {}, PixelMetrics()
    scored = score_split(inspection, dataclasses.replace(split, in_own_size=in_own_size), 3, pixels, own_pixels)
    metrics = all_metrics(split, scored, fit_threshold("value:0.5", 0.01, [0.1]), pixels, own_pixels)
    assert own_pixels.result()["n_pixels"] == 4 * 144
    for name in ("pixel_AUROC", "pixel_AUPR"):  # each pixel four times
        assert metrics[f"{name}_own_size"] == pytest.approx(metrics[name], abs=1e-6)
    assert "pixel_AUROC_own_size" not in measured(inspection, split)[1]


def test_every_class_is_told_apart_from_all_normal_images(inspection):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (30, 1, 1, 1), "uint8") * np.ones((1, 6, 6, 1), "uint8")
    classes = np.repeat(["good", "dent", "rust"], 10)
    scored, metrics = measured(inspection, labelled(images, classes != "good", classes))
    for name in ("dent", "rust"):
        chosen = np.isin(classes, ("good", name))
        expected = roc_auc_score(classes[chosen] == name, scored.pred_score[chosen])
        row = metrics["per_class"][name]
        assert row["image_AUROC"] == pytest.approx(expected)
        assert row == {"images": 10, "flagged": np.mean(scored.pred_score[classes == name] > 0.5), **row}
    assert "image_AUROC" not in metrics["per_class"]["good"]
    for name in ("image_AUROC", "at_threshold.TPR", "at_threshold.FPR"):
        shown = Metric(metrics, tuple(name.split(".")))
        assert shown.interval[0] <= shown.value <= shown.interval[1]
    at_threshold = metrics["at_threshold"]
    assert at_threshold["TP"] + at_threshold["FN"] == 20 and at_threshold["FP"] + at_threshold["TN"] == 10


@pytest.mark.parametrize(
    "count, label, reason",
    [
        (0, 0, "there are no test images"),
        (4, 0, "there are no anomalous test images"),
        (4, 1, "there are no normal test images"),
    ],
)
def test_what_cannot_be_had_is_none_with_its_reason(inspection, count, label, reason):
    split = labelled(np.zeros((count, 6, 6, 1), "uint8"), [label] * count, ["a"] * count)
    _, metrics = measured(inspection, split)
    for name in ("image_AUROC", "image_AUPR", "image_F1Max"):
        assert metrics[name] is None and metrics["reasons"][name] == reason
    assert metrics["reasons"]["pixel_AUROC"] == ("the test images have no masks" if count else reason)
    json.dumps(metrics, allow_nan=False)
    assert ("at_threshold" in metrics) == (count > 0)
    for name, value in metrics.get("at_threshold", {}).items():
        assert (value is None) == (f"at_threshold.{name}" in metrics["reasons"])
