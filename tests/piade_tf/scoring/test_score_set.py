"""The scorer: fitted in bounded memory, standing behind the network in one graph, saved and read back safely."""

import dataclasses
import json
import os
import pickle
import weakref

import numpy as np
import pytest
import tensorflow as tf
from sklearn.covariance import LedoitWolf

from piade_tf.errors import InputError
from piade_tf.scoring import scorer_file
from piade_tf.scoring.aggregation import Aggregation
from piade_tf.scoring.parameters import (
    FORMAT_VERSION,
    BankParameters,
    LocalParameters,
    ScoreParameters,
    scratch_parameters,
)
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.scoring.scorer_file import read_scorer, write_scorer

WINDOW = 7
SCORES = ["combined", "reconstruction", "latent", "embedding", "local"]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "scorer.npz"
    write_scorer(fitted.scorer, path)
    return path


def refuses(path):
    with pytest.raises(InputError, match="not a scorer.*train again") as excinfo:
        read_scorer(path, WINDOW)
    assert "\n" not in str(excinfo.value)


def test_scores_go_by_their_names(fitted):
    assert sorted(fitted.scorer.scores) == sorted(SCORES)
    assert {name: score.name for name, score in fitted.scorer.scores.items()} == {name: name for name in SCORES}


def test_inspection_gives_every_output_in_its_shape(fitted, images):
    outputs = fitted.inspect(images)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "pred_score": (5,),
        "anomaly_map": (5, 28, 28),
        "reconstruction": (5, 28, 28, 1),
        "latent": (5, 6),
        "instantiation_vectors": (5, 2, 6),
        **{f"score_{name}": (5,) for name in SCORES},
    }
    assert {value.dtype for value in outputs.values()} == {tf.float32}
    assert np.min(outputs["anomaly_map"]) >= 0
    np.testing.assert_array_equal(outputs["pred_score"], outputs["score_combined"])


@pytest.mark.parametrize("chosen", ["reconstruction", "latent", "embedding", "local"])
def test_the_chosen_score_decides_and_there_is_always_a_map(fitted, images, chosen):
    outputs = fitted.scorer.inspection_model(fitted.network, chosen)(images)
    np.testing.assert_array_equal(outputs["pred_score"], outputs[f"score_{chosen}"])
    assert outputs["anomaly_map"].shape == (5, 28, 28)
    if chosen != "local":
        np.testing.assert_allclose(
            np.mean(outputs["anomaly_map"], axis=(1, 2)), outputs["score_reconstruction"], rtol=0, atol=1e-6
        )


def test_graph_functional_model_and_plain_calls_agree(fitted, images):
    in_graph, as_model = fitted.inspect(images), fitted.inspection(images)
    network_outputs = fitted.network(images)
    for name, score in fitted.scorer.scores.items():
        called = score(tf.constant(images), network_outputs).pred_score
        np.testing.assert_allclose(in_graph[f"score_{name}"], called, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(as_model[f"score_{name}"], called, rtol=1e-4, atol=1e-4)


def test_jax_gives_the_same_scores_and_maps(on_jax):
    for name in ("pred_score", "anomaly_map", *(f"score_{name}" for name in SCORES)):
        np.testing.assert_allclose(on_jax.jax[name], on_jax.tensorflow[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_combined_is_the_weighted_sum_of_its_parts_standardised_on_the_validation_images(fitted, normal_images, images):
    validation, outputs = fitted.inspect(normal_images[1]), fitted.inspect(images)
    assert fitted.scorer.combined.parts
    expected = 0.0
    for part in fitted.scorer.combined.parts:
        of_normal = np.asarray(validation[f"score_{part.name}"])
        standardised = (outputs[f"score_{part.name}"] - of_normal.mean()) / of_normal.std()
        expected = expected + fitted.scorer.combined.weights[part.name] * standardised
    np.testing.assert_allclose(outputs["score_combined"], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.mean(validation["score_combined"]), 0.0, atol=1e-3)


def test_the_statistics_are_those_of_the_training_images(fitted, normal_images):
    vectors = np.asarray(fitted.network(normal_images[0])["instantiation_vectors"]).reshape(60, -1)
    gaussians = fitted.scorer.scores["latent"].gaussians["instantiation_vectors"]
    mean, whitening = gaussians.mean, gaussians.whitening
    np.testing.assert_allclose(mean[0], vectors.mean(axis=0), rtol=1e-4, atol=1e-6)
    precision = LedoitWolf().fit(vectors.astype("float64")).precision_ / vectors.shape[1]
    np.testing.assert_allclose(whitening[0] @ whitening[0].T, precision, rtol=1e-2, atol=1e-3 * precision.max())


class Stream:
    """Makes each batch anew and remembers how many were alive at once."""

    def __init__(self, batch, count):
        self.batch, self.count, self.most_alive = batch, count, 0

    def __iter__(self):
        made = []
        for _ in range(self.count):
            batch = self.batch.copy()
            made.append(weakref.ref(batch))
            yield batch
            del batch
            self.most_alive = max(self.most_alive, sum(reference() is not None for reference in made))


def test_fitting_keeps_no_images_and_statistics_of_one_size(fitted, normal_images):
    sizes = set()
    for count in (2, 12 + 2 * (os.cpu_count() or 1)):
        stream, scorer = Stream(normal_images[1], count), ScoreSet(scratch_parameters(WINDOW))
        scorer.fit(fitted.network, stream, normal_images[1][None])
        assert stream.most_alive <= (os.cpu_count() or 1) + 2
        gaussians = [fitted for score in scorer.gaussian_scores for fitted in score.gaussians.values()]
        sizes.add(tuple((one.mean.shape, one.whitening.shape) for one in gaussians))
    assert len(sizes) == 1


def test_validation_scores_that_never_vary_give_a_finite_combined_score(fitted, normal_images):
    train, validation = normal_images
    scorer = ScoreSet(scratch_parameters(WINDOW))
    scorer.fit(fitted.network, np.split(train, 3), [np.repeat(validation[:1], 20, axis=0)])
    score = scorer.scores["combined"](tf.constant(validation), fitted.network(validation)).pred_score
    assert np.isfinite(score).all()


def test_saved_and_loaded_it_scores_in_the_same_numbers(fitted, saved, images):
    loaded = read_scorer(saved, WINDOW)
    expected = fitted.inspection(images)
    for name, value in loaded.inspection_model(fitted.network, "combined")(images).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_the_file_is_read_without_unpickling(saved):
    with np.load(saved, allow_pickle=False) as arrays:
        assert {array.dtype.kind for name, array in arrays.items() if name != "parameters"} == {"f"}
        assert {name.split("/")[0] for name in arrays} == {"latent", "embedding", "local", "combined", "parameters"}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_refuses_a_file_cut_short(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    refuses(saved)


def test_refuses_a_file_with_a_changed_byte(saved):
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 0xFF
    saved.write_bytes(content)
    refuses(saved)


def test_refuses_a_file_that_is_missing_or_a_directory(tmp_path):
    refuses(tmp_path / "missing.npz")
    refuses(tmp_path)


def test_refuses_arrays_of_something_else(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    refuses(tmp_path / "other.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    refuses(tmp_path / "array.npy")


@pytest.mark.parametrize("missing", ["latent/", "local/", "combined/"])
def test_refuses_a_file_in_which_a_score_is_missing(saved, missing):
    with np.load(saved) as arrays:
        rest = {name: array for name, array in arrays.items() if not name.startswith(missing)}
    np.savez(saved, **rest)
    refuses(saved)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("container", ["npz", "pickle"])
def test_refuses_a_pickle_and_never_runs_it(saved, tmp_path, container):
    trap = tmp_path / "sprung"
    if container == "pickle":
        saved.write_bytes(pickle.dumps(Trap(trap)))
    else:
        with np.load(saved) as arrays:
            names = list(arrays)
        np.savez(saved, **dict.fromkeys(names, np.array([Trap(trap)], dtype=object)))
    refuses(saved)
    assert not trap.exists()


def test_a_failed_save_leaves_the_old_file(saved, fitted, monkeypatch):
    content = saved.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(InputError):
        write_scorer(fitted.scorer, saved)
    assert saved.read_bytes() == content
    assert list(saved.parent.iterdir()) == [saved]


def test_a_changed_default_never_rescores_an_old_run(fitted, saved, images, monkeypatch):
    other = LocalParameters(aggregation=Aggregation("mean"), context=3)
    monkeypatch.setattr(scorer_file, "scratch_parameters", lambda window: ScoreParameters(window, other))
    loaded = read_scorer(saved, 3)
    expected = fitted.inspection(images)["pred_score"]
    np.testing.assert_array_equal(loaded.inspection_model(fitted.network, "combined")(images)["pred_score"], expected)


def test_a_file_of_format_1_gives_its_scores(fitted, saved, images):
    with np.load(saved) as arrays:
        old = {name: values for name, values in arrays.items() if name != "parameters"}
    np.savez(saved, **old)
    loaded = read_scorer(saved, WINDOW).inspection_model(fitted.network, "combined")(images)
    np.testing.assert_array_equal(loaded["pred_score"], fitted.inspection(images)["pred_score"])


def test_a_newer_format_is_one_line(fitted, saved):
    with np.load(saved) as arrays:
        content = dict(arrays)
    newer = json.loads(content["parameters"].tobytes()) | {"format_version": FORMAT_VERSION + 1}
    np.savez(saved, **{**content, "parameters": np.frombuffer(json.dumps(newer).encode(), "uint8")})
    with pytest.raises(InputError, match="newer version.*update"):
        read_scorer(saved)


def test_a_run_from_before_there_was_a_pooled_score_loads(fitted, saved, images):
    with np.load(saved) as arrays:
        content = dict(arrays)
    older = json.loads(content["parameters"].tobytes())
    del older["pooled"]
    np.savez(saved, **{**content, "parameters": np.frombuffer(json.dumps(older).encode(), "uint8")})
    loaded = read_scorer(saved).inspection_model(fitted.network, "combined")(images)
    np.testing.assert_array_equal(loaded["pred_score"], fitted.inspection(images)["pred_score"])


def test_refuses_a_way_to_join_maps_that_there_is_not(saved):
    with np.load(saved) as arrays:
        content = dict(arrays)
    other = json.loads(content["parameters"].tobytes()) | {"combined_map": "harmonic_mean"}
    np.savez(saved, **{**content, "parameters": np.frombuffer(json.dumps(other).encode(), "uint8")})
    refuses(saved)


# === Images that do not vary ===

WITH_BANK = dataclasses.replace(
    scratch_parameters(WINDOW),
    local=LocalParameters(maps=("feature_map_0", "feature_map_1"), scaled=True),
    bank=BankParameters(patches=20),
    combined=(("bank", 1.0), ("local", 1.0)),
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("parameters", [scratch_parameters(WINDOW), WITH_BANK], ids=["gaussians", "bank"])
@pytest.mark.parametrize("learned", ["picture", "black", "white"])
def test_after_images_that_are_all_the_same_every_score_is_finite(fitted, images, learned, parameters):
    image = {"picture": images[:1], "black": np.zeros_like(images[:1]), "white": np.ones_like(images[:1])}[learned]
    scorer = ScoreSet(parameters)
    scorer.fit(fitted.network, [np.repeat(image, 6, 0), np.repeat(image, 2, 0)], [np.repeat(image, 5, 0)])
    inspection = scorer.inspection_model(fitted.network, "combined")
    outputs = {name: np.asarray(values) for name, values in inspection(np.concatenate([image, images])).items()}
    for values in outputs.values():
        assert np.isfinite(values).all()
    of_parts = {name: outputs[f"score_{name}"] for name in ("combined", "latent", "embedding", "local")}
    for scores in of_parts.values():
        assert np.abs(scores[0]) < 100 and np.abs(scores).max() < 1e12
    if learned != "picture":
        assert all(scores[1:].min() > scores[0] for scores in of_parts.values())


def test_whatever_is_divided_by_fits_half_precision(fitted, images):
    scorer = ScoreSet(WITH_BANK)
    same = np.repeat(images[:1], 6, 0)
    scorer.fit(fitted.network, [same], [same])
    divisors = [deviation for _, deviation in scorer.combined.standards.values()]
    divisors += [*scorer.local.scales.values(), *scorer.bank.scales.values()]
    assert min(divisors) > np.finfo("float16").tiny
