"""Each score against its definition in NumPy, on made-up outputs of a network."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.covariance import LedoitWolf

from piade_tf.scoring.combined_score import CombinedScore
from piade_tf.scoring.gaussian_score import EmbeddingScore, LatentScore, PooledScore
from piade_tf.scoring.local_score import LocalScore
from piade_tf.scoring.normal_statistics import NormalStatistics
from piade_tf.scoring.parameters import pretrained_parameters
from piade_tf.scoring.reconstruction_score import ReconstructionScore
from piade_tf.scoring.score import Score, ScoreFunction
from piade_tf.scoring.score_set import ScoreSet

MAPS_OF_PHOTOGRAPHS = {"bank/distance": 32, **{f"local/feature_map_{i}": 32 >> i for i in range(3)}}


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype("float32")


def make_outputs(count, seed=0, side=32):
    """A network's outputs for `side`x`side` images: two vectors and three maps of which the last two are compared."""
    values = np.random.default_rng(seed)
    maps = {
        f"feature_map_{i}": values.normal(size=(count, side >> i + 1, side >> i + 1, 3 + i)).astype("float32")
        for i in range(3)
    }
    vectors = values.normal(0.3, 0.2, (count, 2, 5)).astype("float32")
    return {"reconstruction": random(count, side, side, 1, seed=seed), "instantiation_vectors": vectors, **maps}


def fit(score, outputs):
    for name, features in score.features(outputs).items():
        statistics = NormalStatistics(*features.shape[1:])
        statistics.add(np.asarray(features))
        score.gaussians[name] = statistics.gaussians()
    return score


@pytest.mark.parametrize("window", [1, 5, 11, 24])
@pytest.mark.parametrize("channels", [1, 3])
def test_reconstruction_is_mse_plus_one_minus_ssim_and_the_mean_of_its_map(window, channels):
    images, reconstruction = random(4, 24, 31, channels), random(4, 24, 31, channels, seed=1)
    score = ReconstructionScore(window)(images, {"reconstruction": reconstruction})
    assert score.anomaly_map.shape == (4, 24, 31)
    np.testing.assert_allclose(score.pred_score, np.mean(score.anomaly_map, axis=(1, 2)), rtol=0, atol=1e-6)
    squared_error = np.mean((images - reconstruction) ** 2, axis=(1, 2, 3))
    similarity = tf.image.ssim(images, reconstruction, max_val=1.0, filter_size=window)
    np.testing.assert_allclose(score.pred_score, squared_error + 1 - similarity, rtol=0, atol=2e-5)


def test_reconstruction_map_is_high_where_the_reconstruction_is_wrong():
    images = 0.5 + 0.1 * random(1, 32, 40, 1)
    reconstruction = images.copy()
    reconstruction[:, 20:25, 8:13] = 0.0
    (anomaly_map,) = np.asarray(ReconstructionScore(7)(images, {"reconstruction": reconstruction}).anomaly_map)
    row, column = np.unravel_index(anomaly_map.argmax(), anomaly_map.shape)
    assert 20 <= row < 25 and 8 <= column < 13
    assert np.abs(anomaly_map[:10]).max() < 1e-4


def test_latent_is_sklearn_ledoit_wolf_mahalanobis_of_all_vectors_together():
    train, outputs = make_outputs(60), make_outputs(9, seed=1)
    score = fit(LatentScore(), train)(None, outputs)
    expected = LedoitWolf().fit(train["instantiation_vectors"].reshape(60, 10).astype("float64"))
    squared = expected.mahalanobis(outputs["instantiation_vectors"].reshape(9, 10))
    np.testing.assert_allclose(score.pred_score, np.sqrt(squared) / np.sqrt(10), rtol=1e-3)
    assert score.anomaly_map is None


def test_embedding_is_the_mahalanobis_distance_of_vectors_and_quadrants_together():
    train, outputs = make_outputs(60), make_outputs(9, seed=1)

    def joined(of):
        last_map = of[max(name for name in of if name.startswith("feature_map_"))]
        vectors = of["instantiation_vectors"].reshape(len(last_map), -1)
        quadrants = [last_map[:, i : i + 2, j : j + 2].mean(axis=(1, 2)) for i in (0, 2) for j in (0, 2)]
        return np.hstack([vectors, *quadrants]).astype("float64")

    score = fit(EmbeddingScore(), train)(None, outputs)
    squared = LedoitWolf().fit(joined(train)).mahalanobis(joined(outputs))
    np.testing.assert_allclose(score.pred_score, np.sqrt(squared / joined(train).shape[1]), rtol=1e-3)
    assert score.anomaly_map is None


def loop_over_places(train, features):
    """Mahalanobis distance over the root of the dimension, a place at a time."""
    distances = np.empty(features.shape[:3])
    for row in range(features.shape[1]):
        for column in range(features.shape[2]):
            fitted = LedoitWolf().fit(train[:, row, column].astype("float64"))
            distances[:, row, column] = np.sqrt(fitted.mahalanobis(features[:, row, column]) / features.shape[3])
    return distances


def test_pooled_is_the_mahalanobis_distance_of_the_last_maps_average_at_length_one():
    train, test = make_outputs(60), make_outputs(9, seed=1)

    def direction(outputs):
        mean = outputs["feature_map_2"].mean(axis=(1, 2))
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    expected = LedoitWolf().fit(direction(train).astype("float64")).mahalanobis(direction(test)) / 5
    found = fit(PooledScore(), train)(None, test).pred_score
    np.testing.assert_allclose(found, np.sqrt(expected), rtol=1e-3)
    plainer = {name: 3 * values for name, values in test.items()}
    np.testing.assert_allclose(fit(PooledScore(), train)(None, plainer).pred_score, found, rtol=1e-4)


def test_local_is_a_loop_over_places_averaged_at_the_finest_map():
    train, outputs, images = make_outputs(50), make_outputs(4, seed=1), random(4, 32, 32, 1)
    score = fit(LocalScore(), train)
    train_features, features = score.features(train), score.features(outputs)
    distances = []
    for name, values in features.items():
        side = round(values.shape[1] ** 0.5)
        in_rows = (-1, side, side, values.shape[2])
        by_place = loop_over_places(np.reshape(train_features[name], in_rows), np.reshape(values, in_rows))
        distances.append(tf.image.resize(by_place[..., None], (8, 8))[..., 0].numpy())
    distances = np.mean(distances, axis=0)

    result = score(images, outputs)
    emphasis = score.parameters.aggregation.value
    expected = np.mean(distances**emphasis, axis=(1, 2)) ** (1 / emphasis)
    np.testing.assert_allclose(result.pred_score, expected, rtol=1e-3)
    expected_map = tf.image.resize(distances[..., None], (32, 32))[..., 0]
    np.testing.assert_allclose(result.anomaly_map, expected_map, rtol=1e-3)


def test_local_finds_the_place_that_is_unusual():
    train, outputs = make_outputs(50), make_outputs(1, seed=1)
    score = fit(LocalScore(), train)
    before = score(random(1, 32, 32, 1), outputs).pred_score
    outputs["feature_map_1"][0, 6, 1] += 9
    result = score(random(1, 32, 32, 1), outputs)
    row, column = np.unravel_index(np.argmax(result.anomaly_map[0]), (32, 32))
    assert (row // 4, column // 4) == (6, 1)
    assert result.pred_score[0] > before[0]


@pytest.mark.parametrize(
    "height, width, maps, chosen",
    [
        (32, 32, [(16, 16), (8, 8), (4, 4)], [1, 2]),
        (28, 28, [(14, 14), (7, 7)], [1]),
        (256, 256, [(64, 64), (32, 32), (16, 16), (8, 8)], [1, 2]),
        (512, 512, [(64, 64), (32, 32), (16, 16), (8, 8)], [1, 2]),
        (28, 28, [(14, 14)], [0]),
        (28, 512, [(7, 128), (4, 64)], [1]),
    ],
)
def test_local_compares_the_finest_maps_that_are_coarse_enough(height, width, maps, chosen):
    outputs = {f"feature_map_{i}": np.empty((1, *sides, 2)) for i, sides in enumerate(maps)}
    outputs["reconstruction"] = np.empty((1, height, width, 1))
    compared = LocalScore().features(outputs)
    places = {name: compared[name].shape[1] for name in compared if name in outputs}
    assert places == {f"feature_map_{i}": maps[i][0] * maps[i][1] for i in chosen}


class Fixed(ScoreFunction):
    """Always the same score."""

    def __init__(self, name, score):
        self.name, self.score = name, score

    def __call__(self, images, outputs):
        return self.score


def test_combined_is_the_weighted_sum_of_standardised_scores():
    first, second = random(6, seed=1), random(6, seed=2)
    parts = [Fixed("first", Score(first, "map")), Fixed("second", Score(second))]
    result = CombinedScore(
        parts, {"first": 1.0, "second": 3.0}, standards={"first": (0.5, 0.1), "second": (-2.0, 4.0)}
    )(None, {})
    np.testing.assert_allclose(result.pred_score, (first - 0.5) / 0.1 + 3 * (second + 2) / 4, rtol=1e-5)
    assert result.anomaly_map == "map"


def test_combined_takes_the_map_of_the_last_part_that_has_one():
    zero = np.zeros(2)
    parts = [Fixed("a", Score(zero, "a")), Fixed("b", Score(zero, "b")), Fixed("c", Score(zero))]
    weights, standards = dict.fromkeys("abc", 1.0), dict.fromkeys("abc", (0.0, 1.0))
    assert CombinedScore(parts, weights, standards=standards)(None, {}).anomaly_map == "b"
    assert CombinedScore(parts[2:], weights, standards=standards)(None, {}).anomaly_map is None


@pytest.mark.parametrize(
    "name, mean", [("mean", lambda a, b: (a + b) / 2), ("geometric_mean", lambda a, b: np.sqrt(a * b))]
)
def test_combined_may_take_a_mean_of_the_maps_that_there_are(name, mean):
    zero, bright, dark = np.zeros(2), *(random(2, 4, 4, seed=seed) ** 2 for seed in (1, 2))
    parts = [Fixed("a", Score(zero, bright)), Fixed("b", Score(zero)), Fixed("c", Score(zero, dark))]
    weights, standards = dict.fromkeys("abc", 1.0), dict.fromkeys("abc", (0.0, 1.0))
    found = CombinedScore(parts, weights, name, standards)(None, {}).anomaly_map
    np.testing.assert_allclose(found, mean(bright, dark), rtol=1e-5)


def test_maps_count_by_their_weights_in_the_mean():
    zero, bright, dark = np.zeros(2), *(random(2, 4, 4, seed=seed) ** 2 for seed in (1, 2))
    parts = [Fixed("a", Score(zero, bright)), Fixed("b", Score(zero)), Fixed("c", Score(zero, dark))]
    combined = CombinedScore(parts, dict.fromkeys("abc", 1.0), "mean", dict.fromkeys("abc", (0.0, 1.0)))
    combined.map_weights = {"a": 0.6, "c": 0.2}
    np.testing.assert_allclose(combined(None, {}).anomaly_map, 0.75 * bright + 0.25 * dark, rtol=1e-5)


def test_a_map_counts_by_what_a_typical_good_place_has_of_its_limit():
    scorer = ScoreSet(pretrained_parameters(7))
    scorer.bank.bank = random(5, 8)
    distances = {name: random(40, side, side, seed=side) ** 2 for name, side in MAPS_OF_PHOTOGRAPHS.items()}
    scorer.fit_standards([distances])
    for part, shown in (("bank", "bank/distance"), ("local", "local/feature_map_0")):
        limit = np.quantile(distances[shown], 0.999)
        assert scorer.combined.map_weights[part] == pytest.approx(np.median(distances[shown]) / limit)


def test_one_in_a_thousand_places_of_held_out_images_has_a_distance_above_one_on_each_map():
    scorer = ScoreSet(pretrained_parameters(7))
    outputs = {f"feature_map_{i}": random(60, 32 >> i, 32 >> i, 20, seed=i) for i in range(3)}
    outputs |= {"reconstruction": random(60, 64, 64, 1), "instantiation_vectors": random(60, 2, 5)}
    scorer.fit_statistics([{name: np.asarray(x) for name, x in scorer.features(outputs).items()}], outputs)
    held_out = {name: values[::-1] + random(*values.shape, seed=9) for name, values in outputs.items()}
    found = {name: np.asarray(values) for name, values in scorer.part_outputs(None, held_out).items()}
    scorer.fit_standards([found])
    assert len(found) == 4
    for name, distances in found.items():
        part, _, feature = name.partition("/")
        above = (distances / scorer.scores[part].scales[feature] > 1).mean()
        assert above == pytest.approx(0.001, abs=2 / distances.size)


def test_higher_is_more_anomalous_in_every_gaussian_score():
    train, outputs, images = make_outputs(60), make_outputs(5, seed=1), random(5, 32, 32, 1)
    far = {name: 10 * values for name, values in outputs.items()}
    for score in (fit(LatentScore(), train), fit(LocalScore(), train)):
        assert np.all(score(images, far).pred_score > score(images, outputs).pred_score)
