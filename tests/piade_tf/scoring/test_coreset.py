"""The patches of the bank: the farthest from those that were chosen, one after the other."""

import numpy as np
import pytest

from piade_tf.scoring.coreset import PROJECTED, ProjectedPatches, greedy_coreset


def patches(count, seed=0):
    """In clumps, as patches are."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(9, 50))[rng.integers(9, size=count)] + 0.2 * rng.normal(size=(count, 50))).astype(
        "float16"
    )


def farthest_first(points, first, count):
    chosen = [first]
    while len(chosen) < count:
        distances = np.linalg.norm(points[:, None] - points[chosen], axis=-1)
        chosen.append(int(distances.min(axis=1).argmax()))
    return chosen


@pytest.mark.parametrize("seed", [0, 1])
def test_each_patch_is_the_farthest_from_those_before(seed):
    values = patches(400)
    rng = np.random.default_rng(seed)
    points = values.astype("float64") @ rng.normal(size=(50, PROJECTED)) / np.sqrt(PROJECTED)
    found = greedy_coreset(values, 40, seed)
    assert found.tolist() == farthest_first(points, found[0], 40)


def test_of_some_rows_it_is_what_it_would_be_without_the_others():
    values = patches(300)
    rows = np.flatnonzero(np.arange(300) % 3 > 0)
    found = ProjectedPatches(values).coreset(30, rows)
    assert found.tolist() == rows[greedy_coreset(values[rows], 30)].tolist()


@pytest.mark.parametrize("count", [5, 8])
def test_of_fewer_patches_all_are_chosen(count):
    assert sorted(greedy_coreset(patches(5), count)) == [0, 1, 2, 3, 4]


def test_of_equal_patches_one_of_each_kind_comes_first():
    kinds = patches(12)
    found = greedy_coreset(np.repeat(kinds, 20, axis=0), 30)
    assert sorted(found[:12] // 20) == list(range(12))
    assert len(set(found.tolist())) == 30
