"""The streaming Gaussians against scikit-learn's Ledoit-Wolf, place by place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from piade_tf.scoring.normal_statistics import NormalStatistics


def make_features(count, places, dim, seed=0):
    """Correlated features of different scale, with a mean far from zero."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(places, dim, dim)) * rng.uniform(0.5, 5, (places, 1, 1))
    features = rng.normal(size=(places, count, dim)) @ mixing + 10 * rng.normal(size=(places, 1, dim))
    return features.transpose(1, 0, 2).astype("float32")


def fit(batches):
    statistics = NormalStatistics(*batches[0].shape[1:])
    for batch in batches:
        statistics.add(batch)
    return statistics


def squared_distances(statistics, features):
    """Squared Mahalanobis distance over the dimension, `(batch, places)`."""
    fitted = statistics.gaussians()
    mean, whitening = fitted.mean, fitted.whitening
    return np.square(np.einsum("bpi,pij->bpj", features - mean, whitening)).sum(-1)


def sklearn_squared_distances(train, features):
    dim = train.shape[2]
    return np.stack(
        [LedoitWolf().fit(train[:, p]).mahalanobis(features[:, p]) / dim for p in range(train.shape[1])], axis=1
    )


@settings(deadline=None, max_examples=25)
@given(count=st.integers(5, 60), places=st.integers(1, 4), dim=st.integers(2, 20), seed=st.integers(0, 99))
def test_every_place_equals_sklearn_ledoit_wolf(count, places, dim, seed):
    train, others = make_features(count, places, dim, seed), make_features(7, places, dim, seed + 1)
    expected = sklearn_squared_distances(train.astype("float64"), others)
    np.testing.assert_allclose(squared_distances(fit([train]), others), expected, rtol=2e-3)


def test_mean_and_covariance_equal_sklearn_ledoit_wolf():
    train = make_features(50, 3, 5)
    fitted = fit([train]).gaussians()
    mean, whitening = fitted.mean, fitted.whitening
    np.testing.assert_allclose(mean, train.mean(axis=0), rtol=1e-5, atol=1e-5)
    for place in range(3):
        precision = 5 * whitening[place] @ whitening[place].T
        np.testing.assert_allclose(precision, LedoitWolf().fit(train[:, place]).precision_, rtol=1e-3, atol=1e-6)


def test_constant_features_beside_varying_ones_equal_sklearn():
    train = make_features(40, 2, 6)
    train[:, :, 2] = 3.0
    others = make_features(5, 2, 6, seed=1)
    expected = sklearn_squared_distances(train.astype("float64"), others)
    np.testing.assert_allclose(squared_distances(fit([train]), others), expected, rtol=2e-3)


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_features_that_never_vary_give_finite_statistics(constant):
    train = make_features(40, 2, 6)
    train[:, 1] = constant
    fitted = fit([train]).gaussians()
    mean, whitening = fitted.mean, fitted.whitening
    assert np.isfinite(mean).all() and np.isfinite(whitening).all()
    assert squared_distances(fit([train]), train)[:, 1].max() < 1e-6
    fitted = fit([np.full((9, 2, 3), constant, "float32")]).gaussians()
    mean, whitening = fitted.mean, fitted.whitening
    assert np.isfinite(mean).all() and np.isfinite(whitening).all()


def test_normal_features_have_a_squared_distance_of_one_on_average():
    train = 3 + 2 * np.random.default_rng(0).normal(size=(4000, 2, 8))
    np.testing.assert_allclose(squared_distances(fit([train]), train).mean(axis=0), 1.0, rtol=0.01)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 39), max_size=5, unique=True).map(sorted))
def test_batch_boundaries_do_not_matter(boundaries):
    train, others = make_features(40, 3, 5), make_features(4, 3, 5, seed=1)
    whole, cut = fit([train]), fit(np.split(train, boundaries))
    np.testing.assert_allclose(cut.gaussians().mean, whole.gaussians().mean, rtol=1e-5)
    np.testing.assert_allclose(squared_distances(cut, others), squared_distances(whole, others), rtol=1e-4)


def test_what_is_kept_does_not_grow_with_the_number_of_images():
    def kept(count):
        return sum(np.asarray(value).nbytes for value in vars(fit([make_features(8, 3, 5)] * count)).values())

    assert kept(1) == kept(50)


def test_refuses_to_fit_without_images():
    with pytest.raises(ValueError, match="without images"):
        NormalStatistics(2, 3).gaussians()


def test_features_far_from_zero_lose_no_digits():
    train, others = make_features(60, 2, 4), make_features(6, 2, 4, seed=1)
    far = np.float32(1000)
    moved = fit(np.split(train.astype("float64") + far, 4))
    np.testing.assert_allclose(
        squared_distances(moved, others + far), squared_distances(fit([train]), others), rtol=1e-2
    )


def test_principal_components_span_what_varies_most():
    """Of features that vary in three directions of eight alone, three components lose nothing."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(8, 8)))[0][:, :3]
    train = (rng.normal(size=(200, 4, 3)) * [3.0, 2.0, 1.0]) @ directions.T
    fitted = fit([train.astype("float32")]).gaussians(floor=1e-6, components=3)
    assert (fitted.projection.shape, fitted.mean.shape, fitted.whitening.shape) == ((8, 3), (4, 3), (4, 3, 3))
    np.testing.assert_allclose(fitted.projection @ fitted.projection.T, directions @ directions.T, atol=1e-2)


def test_the_floor_bounds_how_much_a_quiet_direction_counts():
    rng = np.random.default_rng(0)
    train = (rng.normal(size=(500, 1, 2)) * [1.0, 1e-4]).astype("float32")
    whitening = fit([train]).gaussians(floor=0.1).whitening[0]
    largest = np.linalg.svd(whitening)[1].max()
    assert largest == pytest.approx(1 / np.sqrt(2 * 0.1 * 0.5), rel=0.1)


def test_statistics_without_some_images_are_those_of_the_others():
    features = make_features(30, 4, 3)
    all_images, others = fit([features]), fit([features[12:]])
    some = all_images.empty()
    some.add(features[:12])
    expected = squared_distances(others, features)
    assert squared_distances(all_images.without(some), features) == pytest.approx(expected, rel=1e-4)
