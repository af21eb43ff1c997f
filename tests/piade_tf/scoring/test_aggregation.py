"""From distances to one number: what each kind means, and that the largest distances stay finite."""

import dataclasses

import numpy as np
import pytest

from export.host_score.score import aggregated
from piade_tf.scoring.aggregation import Aggregation


@pytest.mark.parametrize(
    "kind, value", [("power", 8.0), ("power", 3.0), ("top", 0.03), ("maximum", 0.0), ("mean", 0.0)]
)
@pytest.mark.parametrize("size", [1.0, 300.0, 1e9, 3e38])
def test_inside_and_outside_of_a_file_give_the_same_finite_number(kind, value, size):
    distances = np.random.default_rng(0).uniform(0, 1, (4, 32, 32)).astype("float32")
    distances[:, :4, :4] *= np.float32(size)
    if size > 1e30 and kind in ("mean", "top"):  # their sum is beyond a float32
        distances = distances[:, :2, :2] / 4
    aggregation = Aggregation(kind, value)
    inside = np.asarray(aggregation(distances))
    assert inside.shape == (4,) and np.isfinite(inside).all()
    np.testing.assert_allclose(inside, aggregated(distances, dataclasses.asdict(aggregation)), rtol=1e-4)


def test_the_power_is_the_mean_with_an_exponent():
    distances = np.array([[[1.0, 2.0], [3.0, 4.0]]], "float32")
    expected = np.mean([1, 8, 27, 64]) ** (1 / 3)
    assert np.asarray(Aggregation("power", 3.0)(distances))[0] == pytest.approx(expected, rel=1e-6)
