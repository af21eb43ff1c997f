"""How far a file is from Keras: against the formulas, and what is refused."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from export.formats import FORMATS, Tolerance
from export.verification.measure import Measured
from export.verification.tolerance import Reference, compare, problems
from piade_tf.evaluation.threshold import fit_threshold

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1], [30, 20])
SCORES = RNG.normal(LABELS, 1.0)
VECTORS = RNG.normal(size=(50, 2, 4))
LONGEST = np.linalg.norm(VECTORS, axis=-1).argmax(-1)
THRESHOLD = fit_threshold("max", 0.01, SCORES[:30])
GOOD = {
    "image_AUROC_loss": 0.0, "max_score_error": 0.0, "rank_correlation": 1.0, "vector_agreement": 1.0,
    "size_ratio": 0.2, "float_bytes": 2**21,
}  # fmt: skip


def measured(scores, latent):
    nothing = np.zeros(len(scores))
    return Measured(scores, nothing, nothing, nothing, latent, np.zeros((1, 1)), 0)


def test_the_numbers_are_those_of_the_formulas():
    noisy = SCORES + RNG.normal(0, 0.3, 50)
    latent = VECTORS[np.arange(50), np.where(np.arange(50) < 5, 1 - LONGEST, LONGEST)] + 0.01
    found = compare(Reference(LABELS, SCORES, VECTORS, True), measured(noisy, latent), THRESHOLD, 0)
    error = [abs(a - b) / max(1, abs(b)) for a, b in zip(noisy, SCORES, strict=True)]
    assert found["max_score_error"] == pytest.approx(max(error))
    assert found["mean_score_error"] == pytest.approx(np.mean(error))
    assert found["rank_correlation"] == pytest.approx(spearmanr(SCORES, noisy)[0])
    assert found["image_AUROC_loss"] == pytest.approx(roc_auc_score(LABELS, SCORES) - roc_auc_score(LABELS, noisy))
    assert found["vector_agreement"] == pytest.approx(0.9)
    assert found["at_threshold"]["FP"] == np.sum(noisy[:30] > SCORES[:30].max())


def test_without_anomalies_there_is_no_auroc():
    reference = Reference(LABELS[:30], SCORES[:30], VECTORS[:30], False)
    found = compare(reference, measured(SCORES[:30], VECTORS[np.arange(30), LONGEST[:30]]), THRESHOLD, 0)
    assert found["image_AUROC"] is None and found["image_AUROC_loss"] is None
    assert found["rank_correlation"] == pytest.approx(1)


def test_a_file_that_scores_all_images_the_same_has_no_ranks():
    found = compare(
        Reference(LABELS, SCORES, VECTORS, True), measured(np.ones(50), VECTORS[np.arange(50), LONGEST]), THRESHOLD, 0
    )
    assert found["rank_correlation"] == 0


def test_a_file_like_keras_ships_in_every_format():
    for form in FORMATS.values():
        assert problems(form.tolerance, GOOD, {"operators": {"CONV_2D": 1}}, None, True) == []


@pytest.mark.parametrize(
    "worse, expected",
    [
        ({"image_AUROC_loss": 0.0051}, "loses 0.0051 of image AUROC, more than 0.005"),
        ({"vector_agreement": 0.98}, "vector agreement of 0.9800, less than 0.99"),
        ({"size_ratio": 0.33}, "0.330 of the size of float32, more than 0.32"),
        ({"image_AUROC_loss": None, "rank_correlation": 0.8}, "rank correlation of 0.8000, less than 0.9"),
    ],
)
def test_int8_is_refused_for_what_it_loses(worse, expected):
    (problem,) = problems(FORMATS["int8"].tolerance, {**GOOD, **worse}, {}, None, True)
    assert expected in problem


def test_operators_that_are_not_builtin_are_refused():
    (problem,) = problems(Tolerance(), GOOD, {"operators": {"CUSTOM:FlexErf": 1}}, None, True)
    assert "CUSTOM:FlexErf" in problem


def test_floats_are_refused_where_all_must_be_integers():
    tensors = {"tensors": {"float32": 2, "int8": 40}}
    (problem,) = problems(FORMATS["int8_full"].tolerance, GOOD, tensors, None, True)
    assert problem == "has tensors of floats: float32"
    assert problems(FORMATS["int8"].tolerance, GOOD, tensors, None, True) == []


def test_the_tolerance_asked_for_takes_the_place_of_the_format():
    comparison = {**GOOD, "image_AUROC_loss": 0.0051}
    assert problems(FORMATS["int8"].tolerance, comparison, {}, 0.006, True) == []
    assert problems(FORMATS["int8"].tolerance, {**GOOD, "image_AUROC_loss": 0.001}, {}, 0.0005, True)


def test_small_models_are_not_refused_for_their_size():
    assert problems(FORMATS["int8"].tolerance, {**GOOD, "size_ratio": 0.5, "float_bytes": 2**19}, {}, None, True) == []


def test_which_vector_is_decoded_counts_only_where_the_score_looks_at_it():
    worse = {**GOOD, "vector_agreement": 0.5}
    assert problems(FORMATS["int8"].tolerance, worse, {}, None, decoded_counts=False) == []
    assert len(problems(FORMATS["int8"].tolerance, worse, {}, None, decoded_counts=True)) == 1
