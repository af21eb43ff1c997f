"""What is shared among workers: every image falls to one of them, and together they find what one machine finds."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from threads_as_workers import together

from piade_tf.config import NetworkConfig
from piade_tf.data import DataSplits, LabelledSplit, Split
from piade_tf.evaluation.calibration import calibrated
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.evaluation.results import labelled_results
from piade_tf.model.network import build_network
from piade_tf.scoring.parameters import pretrained_parameters
from piade_tf.scoring.patch_reservoir import PatchReservoir
from piade_tf.workers import ALONE, Workers, in_order_of, rows_of

RNG = np.random.default_rng(0)
COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=4)


class Worker(Workers):
    def __init__(self, index, count):
        self.index, self.count = index, count


@given(COUNTS, st.integers(1, 9))
def test_every_image_falls_to_one_worker_and_can_be_put_back_in_its_place(counts, workers):
    shares = [rows_of(Worker(index, workers), counts) for index in range(workers)]
    assert sorted(np.concatenate(shares)) == list(range(sum(counts)))
    of_one = [[len(Worker(index, workers).share(count)) for index in range(workers)] for count in counts]
    assert all(max(lengths) - min(lengths) <= 1 for lengths in of_one)
    assert all(lengths[0] > 0 for lengths, count in zip(of_one, counts, strict=True) if count)  # the chief's
    values = np.arange(sum(counts)) * 7
    rows = np.concatenate(shares)
    assert np.array_equal(in_order_of(rows, values[rows]), values)


@pytest.mark.parametrize("most", [10_000, 60])
def test_a_bank_is_chosen_from_the_patches_of_all_workers(most):
    """Of 11 images with 4 patches all, or, where 60 patches fit, those of every other image on each side alike."""
    patches = RNG.normal(size=(33, 2, 2, 3)).astype("float16")

    def kept(workers):
        reservoir = PatchReservoir(most)
        rows = rows_of(workers, [len(patches)])
        for part in np.array_split(rows, 3):
            reservoir.add(patches[part], part)
        return reservoir.of_all(workers)

    alone = kept(ALONE)
    for found in together(3, kept):
        assert np.array_equal(found.content(), alone.content())
        odd = np.arange(33) % 2 == 1
        assert np.array_equal(found.rows(odd), alone.rows(odd))


def test_a_worker_without_images_takes_part():
    patches = RNG.normal(size=(1, 2, 2, 3)).astype("float16")

    def kept(workers):
        reservoir = PatchReservoir(100)
        if workers.is_chief:
            reservoir.add(patches, np.array([0]))
        return reservoir.of_all(workers).content()

    assert all(np.array_equal(found, patches.reshape(4, 3)) for found in together(3, kept))


@pytest.fixture(scope="module")
def detector():
    """A pretrained network's shape with weights at random, and images for it."""
    options = NetworkConfig(encoder="efficientnet_lite0", encoder_weights=None).for_image(64, 64)
    network = build_network(options, 64, 64, 3, "parts")
    images = RNG.integers(0, 256, (60, 8, 8, 3), "uint8").repeat(8, axis=1).repeat(8, axis=2)
    split = {
        name: images[start:stop]
        for name, start, stop in (("train", 0, 23), ("validation", 23, 32), ("calibration", 32, 40))
    }
    masks = (RNG.random((20, 8, 8)) < 0.1).astype("uint8").repeat(8, axis=1).repeat(8, axis=2)
    labels = np.array([0, 1] * 10)
    masks[labels == 0] = 0
    test = LabelledSplit(
        tf.data.Dataset.from_tensor_slices(images[40:]),
        20,
        labels=labels,
        classes=np.where(labels, "bad", "good"),
        ids=np.arange(20).astype(str),
        masks=Split(tf.data.Dataset.from_tensor_slices(masks), 20),
        has_mask=np.ones(20, bool),
    )
    parts = {name: Split(tf.data.Dataset.from_tensor_slices(values), len(values)) for name, values in split.items()}
    data = DataSplits(**parts, test=test, normal_class="good", image_shape=(64, 64, 3), fingerprint="", kind="parts")
    return SimpleNamespace(network=network, data=data, parameters=pretrained_parameters(7))


@pytest.mark.parametrize("way", ["folds", "split"])
def test_together_they_fit_and_score_as_one_machine_does(detector, way):
    def found(workers):
        fitted = calibrated(
            detector.network, detector.parameters, detector.data, "texture", 0, "combined", way, workers
        )
        inspection = fitted.scorer.inspection_model(detector.network, "combined")
        return fitted, labelled_results(inspection, detector.data.test, 8, 7, 0, workers=workers)

    alone, results = found(ALONE)
    for other, other_results in together({"folds": 3, "split": 2}[way], found):
        np.testing.assert_allclose(other.pred_score, alone.pred_score, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(other.map_max, alone.map_max, rtol=1e-5)
        for score, expected in zip(other.scorer.gaussian_scores, alone.scorer.gaussian_scores, strict=True):
            for feature, gaussians in expected.gaussians.items():
                np.testing.assert_allclose(score.gaussians[feature].mean, gaussians.mean, rtol=1e-5, atol=1e-6)
        assert np.array_equal(other.scorer.bank.bank, alone.scorer.bank.bank)
        np.testing.assert_allclose(other_results.scored.pred_score, results.scored.pred_score, rtol=1e-5, atol=1e-5)
        assert list(other_results.pixels) == list(results.pixels) == ["bad", "good"]
        whole, expected = (PixelMetrics.merged(one.pixels.values()) for one in (other_results, results))
        # Pixels are counted in bins: one that differs in its last bit may fall into the next, 1 part in 4096 further.
        assert whole.result() == pytest.approx(expected.result(), rel=1e-3)
        assert whole.aupro_interval() == pytest.approx(expected.aupro_interval(), rel=1e-3)


def test_a_part_of_a_split_is_changed_as_in_the_whole(detector):
    """Variants of images follow seeds that belong to the images, whoever makes them."""
    from piade_tf.data.pipeline import variants

    split = detector.data.train
    jittered = dataclasses.replace(
        split,
        jittered=lambda seed, rows=None: split.part(rows or range(split.count)).images.map(lambda image: image // 2),
    )
    whole = [list(one.as_numpy_iterator()) for one in variants(jittered, "aligned", 3)]
    part = [list(one.as_numpy_iterator()) for one in variants(jittered.part(range(5, 9)), "aligned", 3)]
    assert len(part) == 2 and all(len(images) == 4 for images in part)
    assert all(np.array_equal(some, all_images[5:9]) for some, all_images in zip(part, whole, strict=True))
