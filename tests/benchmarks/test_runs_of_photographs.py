"""Runs of other options are not taken for those that are asked for."""

import pytest

from benchmarks.photographs import only_with
from piade_tf.errors import InputError


def test_a_folder_has_runs_of_the_same_options_alone(tmp_path):
    runs = tmp_path / "runs"
    for _ in range(2):
        only_with(runs, ["--epochs", "1"])
    with pytest.raises(InputError, match="has runs with the options '--epochs 1', asked for are ''.*--runs-dir"):
        only_with(runs, [])


def test_runs_from_before_may_have_any_options(tmp_path):
    (tmp_path / "bottle-seed0").mkdir()
    with pytest.raises(InputError, match="has runs with unknown options"):
        only_with(tmp_path, [])
    assert not (tmp_path / "options.txt").exists()
