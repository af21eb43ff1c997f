"""The score computed outside, in NumPy from outputs and bytes, is that of `keras.ops` on the same outputs."""

import json

import numpy as np
import pytest

from export.host_score.block import score_block
from export.host_score.score import HostScore, dequantized, reconstruction_map
from export.quantization.refit import put_in_integers
from piade_tf.scoring.parameters import parameters_for
from piade_tf.scoring.score_set import ScoreSet

WINDOW = 7
# Of images of 29 x 32 pixels: quadrants overlap, and the coarse map is no half of the fine one.
SHAPES = {
    "reconstruction": (29, 32, 3),
    "instantiation_vectors": (2, 6),
    "latent": (6,),
    "feature_map_0": (15, 16, 4),
    "feature_map_1": (7, 8, 5),
    "feature_map_2": (5, 4, 6),
}


def outputs_like_a_network(count, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(0, 1, (count, *shape)).astype("float32") for name, shape in SHAPES.items()}


@pytest.fixture(
    scope="module", params=[("scratch", "parts"), ("pretrained", "parts"), ("pretrained", "classes")], ids="-".join
)
def scorer(request):
    """Fitted to 60 images, with matrices in integers."""
    scorer = ScoreSet(parameters_for(request.param[0], WINDOW, request.param[1]))
    normal = {name: np.asarray(values) for name, values in scorer.features(outputs_like_a_network(60, 0)).items()}
    scorer.fit_statistics([normal], outputs_like_a_network(1, 0))
    put_in_integers(scorer)
    scorer.combined.standards = {"embedding": (0.9, 0.2), "local": (1.1, 0.3), "bank": (2.0, 0.5), "pooled": (1.0, 0.4)}
    scorer.combined.map_weights = {"local": 0.3, "bank": 0.6}
    scorer.local.scales = {"feature_map_1": 1.2}
    return scorer


@pytest.mark.parametrize("chosen", ["combined", "reconstruction", "latent", "embedding", "local", "bank", "pooled"])
def test_score_and_map_are_those_of_keras(scorer, chosen):
    if chosen not in scorer.scores:
        pytest.skip("none of that name")
    images = np.random.default_rng(1).integers(0, 256, (3, *SHAPES["reconstruction"]), "uint8")
    outputs = outputs_like_a_network(3, 2)
    about, block = score_block(scorer, chosen, outputs)
    outside = HostScore(json.loads(json.dumps(about)), b"the network" + block + b"the rest")
    pred_score, anomaly_map = outside(images, outputs)
    expected = scorer.decide(images / np.float32(255), outputs, chosen)
    np.testing.assert_allclose(pred_score, expected.pred_score, rtol=1e-4)
    np.testing.assert_allclose(anomaly_map, expected.anomaly_map, rtol=1e-4, atol=1e-5)


def test_every_array_lies_at_a_multiple_of_four_and_none_overlap(scorer):
    about, block = score_block(scorer, "combined", outputs_like_a_network(1, 0))
    places = sorted(
        {
            (place["offset"], int(np.prod(place["shape"])) * np.dtype(place["dtype"]).itemsize)
            for place in arrays_of(about)
        }
    )
    end = len(b"PIADESC1")
    for offset, length in places:
        assert offset % 4 == 0 and 0 <= offset - end < 4
        end = offset + length
    assert 0 <= len(block) - end < 4


def arrays_of(about):
    if isinstance(about, dict) and "offset" in about:
        return [about]
    values = about.values() if isinstance(about, dict) else []
    return [place for value in values for place in arrays_of(value)]


def test_a_map_of_the_reconstruction_is_zero_where_it_is_perfect():
    images = np.random.default_rng(0).uniform(0, 1, (1, 20, 24, 1)).astype("float32")
    np.testing.assert_allclose(reconstruction_map(images, images, WINDOW), 0, atol=1e-6)


def test_integers_become_numbers_and_floats_stay():
    class Runner:
        def get_output_details(self):
            return {"a": {"quantization": (0.5, -3)}, "b": {"quantization": (0.0, 0)}}

    found = dequantized(Runner(), {"a": np.array([-3, 5], "int8"), "b": np.array([0.25], "float32")})
    np.testing.assert_array_equal(found["a"], [0, 4])
    np.testing.assert_array_equal(found["b"], [0.25])
