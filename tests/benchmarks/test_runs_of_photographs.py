"""Runs of other options are not taken for those that are asked for."""

import pytest

from benchmarks.photographs import only_with
from piade_tf.errors import InputError


def test_a_folder_has_runs_of_the_same_options_alone(tmp_path):
    runs = tmp_path / "runs"
    for _ in range(2):
        only_with(runs, ["--epochs", "1"])
    with pytest.raises(InputError, match="has runs with the options '--epochs 1'.*'the defaults'.*--runs-dir"):
        only_with(runs, [])
