"""What is kept on disk while folds are fitted comes back as it was, and a full disk is told in a line."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest

from piade_tf.errors import InputError
from piade_tf.scoring.kept_outputs import kept_on_disk


def batches():
    rng = np.random.default_rng(0)
    return [
        {"map": rng.normal(size=(count, 3, 2)).astype("float32"), "codes": rng.integers(0, 9, (count, 4), "int16")}
        for count in (3, 3, 1)
    ]


def test_batches_come_back_joined():
    with contextlib.ExitStack() as files:
        kept = kept_on_disk(iter(batches()), files)
        for name, values in kept.items():
            np.testing.assert_array_equal(values, np.concatenate([batch[name] for batch in batches()]))
            np.testing.assert_array_equal(values[[6, 0]], values[:][[6, 0]])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "wb", buffering=0))  # noqa: SIM115
    with contextlib.ExitStack() as files, pytest.raises(InputError, match="TMPDIR, or choose --calibration split"):
        kept_on_disk(iter(batches()), files)
