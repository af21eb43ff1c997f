"""Calibration scores from folds: no image is judged by statistics that have seen it, and the rate is kept."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from piade_tf.config import NetworkConfig
from piade_tf.data.known_images import GOOD, KnownImage, calibration_images, calibration_scores, with_scores
from piade_tf.errors import InputError
from piade_tf.evaluation.calibration import calibrated, calibration_for, folds_of_run, good_images
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.model.network import build_network
from piade_tf.scoring.parameters import class_parameters, pretrained_parameters
from piade_tf.training.fit_scores import CALIBRATION_FOLDS, fit_in_folds, folds_of, images_of_statistics


@pytest.fixture(scope="module")
def fit(photographs):
    """Fits the scores of a frozen encoder to the 16 photographs, perhaps others in their place, in either way."""
    config = NetworkConfig(encoder="efficientnet_lite0", magnifications=(1, 2))
    network, parameters = build_network(config, 64, 64, 3), pretrained_parameters(7)

    def run(way="folds", data=photographs):
        return calibrated(network, parameters, data, "none", 0, "combined", way)

    return SimpleNamespace(run=run, network=network, parameters=parameters, data=photographs)


@pytest.fixture(scope="module")
def in_folds(fit):
    return fit.run()


@pytest.fixture(scope="module")
def held_out(fit):
    return fit.run("split")


def pixels(split):
    return np.stack(list(split.images.as_numpy_iterator()))


def replaced(split, images):
    return dataclasses.replace(split, items=tf.data.Dataset.from_tensor_slices(images), read=None)


def test_in_folds_every_good_image_sets_the_threshold(fit, in_folds, held_out):
    assert in_folds.folds == CALIBRATION_FOLDS
    assert in_folds.pred_score.shape == in_folds.map_max.shape == (good_images(fit.data),)
    assert held_out.folds == 0 and held_out.pred_score.shape == (fit.data.calibration.count,)


def test_images_in_groups_have_as_many_folds_as_there_are_groups(fit):
    splits = {}
    for name in GOOD:
        split = getattr(fit.data, name)
        splits[name] = dataclasses.replace(split, groups=np.array([name, "any"])[np.arange(split.count) % 2])
    assert fit.run(data=dataclasses.replace(fit.data, **splits)).folds == len(GOOD) + 1


def test_an_image_is_scored_higher_without_itself_than_by_the_final_statistics(fit, in_folds):
    found = in_folds
    inspection = found.scorer.inspection_model(fit.network, "combined")
    images = np.concatenate([pixels(split) for split in (fit.data.train, fit.data.validation, fit.data.calibration)])
    final = inspection.predict_on_batch(images.astype("float32") / 255)
    assert np.all(found.pred_score > final["pred_score"])
    assert np.mean(found.map_max > final["anomaly_map"].max(axis=(1, 2))) > 0.9


def test_a_single_odd_image_is_odd_to_the_folds_without_it(fit):
    """Put in the place of one image, it would score like the others if its own fold had seen it."""
    images = pixels(fit.data.calibration)
    images[1] = np.random.default_rng(0).integers(0, 256, images[1].shape)
    found = fit.run(data=dataclasses.replace(fit.data, calibration=replaced(fit.data.calibration, images)))
    place = fit.data.train.count + fit.data.validation.count + 1
    assert found.pred_score.argmax() == found.map_max.argmax() == place


def test_each_score_of_the_encoder_can_decide(fit):
    splits = [getattr(fit.data, name) for name in GOOD]
    scorer, parts = fit_in_folds(fit.network, fit.parameters, splits, "none", 0)
    scores = {name: scorer.out_of_fold(parts, name, (64, 64)) for name in ("combined", "local", "bank")}
    weights = dict(fit.parameters.combined)
    standardised = {name: (scores[name][0] - scores[name][0].mean()) / scores[name][0].std() for name in weights}
    expected = sum(weights[name] * values for name, values in standardised.items())
    assert scores["combined"][0] == pytest.approx(expected, abs=1e-4)
    assert all(np.all(map_max > 0) for _, map_max in scores.values())


def test_the_score_of_classes_has_parts_of_both_kinds(fit):
    """`pooled` is one number for an image; `local` has maps that are brought to scale, and gives the anomaly map."""
    found = calibrated(fit.network, class_parameters(7), fit.data, "none", 0, "combined", "folds")
    assert np.isfinite(found.pred_score).all() and np.all(found.map_max > 0)
    images = np.concatenate([pixels(getattr(fit.data, name)) for name in GOOD]).astype("float32") / 255
    final = found.scorer.inspection_model(fit.network, "combined").predict_on_batch(images)
    assert np.all(found.pred_score > final["pred_score"])


def test_final_statistics_are_those_of_all_good_images_in_the_order_that_the_bank_counts(fit, in_folds, held_out):
    """A file's statistics take the same images in the same order: the places of the bank's patches are stored."""
    splits = (fit.data.train, fit.data.validation, fit.data.calibration)
    expected = np.concatenate([pixels(split) for split in splits])
    images = images_of_statistics(fit.data, "none", 0, pretrained=True, in_folds=True)
    assert np.array_equal(np.stack(list(images.as_numpy_iterator()))[: len(expected)], expected)
    assert not np.array_equal(in_folds.scorer.bank.bank, held_out.scorer.bank.bank)


def test_looks_of_all_images_follow_each_other(fit):
    """With a jittered look: first all images as they are, then all as they may look, as the folds were fitted."""

    def darker(split):
        return dataclasses.replace(split, jittered=lambda seed: split.images.map(lambda image: image // 2))

    names = ("train", "validation", "calibration")
    data = dataclasses.replace(fit.data, **{name: darker(getattr(fit.data, name)) for name in names})
    images = images_of_statistics(data, "none", 0, pretrained=True)
    plain = np.concatenate([pixels(fit.data.train), pixels(fit.data.validation)])
    assert np.array_equal(np.stack(list(images.as_numpy_iterator())), np.concatenate([plain, plain // 2]))


# === Which way ===


@pytest.mark.parametrize(
    "wanted, encoder, chosen, images, way",
    [
        ("auto", "efficientnet_lite0", "combined", 31, "folds"),
        ("auto", "efficientnet_lite0", "bank", 999, "folds"),
        ("auto", "efficientnet_lite0", "combined", 1000, "split"),
        ("auto", "efficientnet_lite0", "latent", 31, "split"),
        ("auto", "scratch", "combined", 31, "split"),
        ("split", "efficientnet_lite0", "combined", 31, "split"),
        ("folds", "efficientnet_lite0", "local", 5000, "folds"),
    ],
)
def test_the_way_follows_from_encoder_score_and_number_of_images(wanted, encoder, chosen, images, way):
    assert calibration_for(wanted, encoder, chosen, images) == way


@pytest.mark.parametrize("encoder, chosen", [("scratch", "combined"), ("resnet50", "reconstruction")])
def test_folds_are_refused_where_the_network_has_seen_the_images(encoder, chosen):
    with pytest.raises(InputError, match=f"--calibration folds.*{encoder}.*{chosen}.*--calibration split"):
        calibration_for("folds", encoder, chosen, 50)


def test_folds_are_of_nearly_equal_size_and_at_most_as_many_as_images():
    assert np.bincount(folds_of(23, 5, 0)).tolist() == [5, 5, 5, 4, 4]
    assert np.bincount(folds_of(3, 5, 0)).tolist() == [1, 1, 1]


# === What is promised ===


def test_the_threshold_of_folds_promises_no_more_than_it_can(tmp_path):
    threshold = fit_threshold("fpr", 0.01, np.arange(50.0), folds=5)
    assert (threshold.folds, threshold.n, threshold.guarantee) == (5, 50, "approximate")
    assert threshold.promised_fpr == pytest.approx(1 / 51)
    assert fit_threshold("fpr", 0.1, np.arange(50.0)).guarantee == "exact"
    assert fit_threshold("sigma:3", 0.01, np.arange(50.0), folds=5).guarantee == "none"


@pytest.mark.parametrize("features", [1, 4])
def test_the_rate_of_scores_from_folds_is_kept_on_average(features):
    """Distances from the mean, standardised: 400 draws of 40 points, the mean fitted to all, calibrated in 5 folds."""
    rng, alarms = np.random.default_rng(0), []
    for _ in range(400):
        points, new = rng.normal(size=(40, features)), rng.normal(size=(200, features))
        fold = rng.permutation(40) % 5
        centres = np.stack([points[fold != i].mean(axis=0) for i in range(5)])
        scores = np.linalg.norm(points - centres[fold], axis=1)
        threshold = fit_threshold("fpr", 0.05, scores, folds=5)
        alarms.append(threshold.is_anomalous(np.linalg.norm(new - points.mean(axis=0), axis=1)).mean())
    error = np.std(alarms) / np.sqrt(len(alarms))
    assert 0.03 < np.mean(alarms) < 0.05 + 3 * error


# === What is remembered ===


def known(*splits):
    return [KnownImage(str(i), split, str(i)) for i, split in enumerate(splits)]


def test_scores_of_folds_belong_to_all_good_images_in_the_order_of_the_splits():
    rows = known("train", "validation", "calibration", "test", "train", "calibration")
    found = with_scores(rows, np.arange(5.0), np.arange(5.0) + 10)
    assert [one.pred_score for one in found] == [0, 2, 3, None, 1, 4]
    scores, largest = calibration_scores(found)
    assert scores.tolist() == [0, 1, 2, 3, 4] and largest.tolist() == [10, 11, 12, 13, 14]
    assert [one.image for one in calibration_images(found)] == ["0", "4", "1", "2", "5"]


def test_scores_of_a_split_belong_to_the_calibration_images():
    rows = known("train", "calibration", "test", "calibration")
    found = with_scores(with_scores(rows, np.arange(3.0), np.arange(3.0)), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert [one.pred_score for one in found] == [None, 1, None, 2]
    with pytest.raises(ValueError):
        with_scores(rows, np.zeros(4), np.zeros(4))


@pytest.mark.parametrize(
    "calibration, group_by, added, later, folds",
    [
        ("split", None, 0, 0, 0),
        ("folds", None, 0, 0, CALIBRATION_FOLDS),
        ("folds", "lot.", 0, 0, 3),
        ("folds", "lot.", 2, 0, 5),
        ("folds", "lot.", 2, 4, 5),
        ("folds", "lot.", 20, 0, CALIBRATION_FOLDS),
    ],
)
def test_a_run_tells_its_folds_from_the_images_that_were_scored_in_them(calibration, group_by, added, later, folds):
    rows = [KnownImage(f"lot{i % 3}/{i}.png", GOOD[i % 3], str(i)) for i in range(30)]
    rows += [KnownImage(f"/new/{i}.png", "calibration", f"new{i}", "/new") for i in range(added + later)]
    rows = with_scores(rows, np.arange(len(rows)), np.arange(len(rows)))
    options = {"calibration": calibration, "data": {"group_by": group_by}}
    assert folds_of_run({"options": options, "lineage": {"images_added_in_all": added}}, rows) == folds
