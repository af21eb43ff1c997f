"""The time that a file takes is that of an image."""

import itertools

import numpy as np
import pytest

from export.verification import verify

OUTPUTS = {"pred_score": (), "anomaly_map": (8, 8), "reconstruction": (8, 8, 1)}


@pytest.mark.parametrize("batch", [1, 4])
def test_a_second_for_a_batch_is_shared_by_its_images(monkeypatch, tmp_path, batch):
    def run(_images):
        return {name: np.zeros((batch, *shape)) for name, shape in OUTPUTS.items()}

    monkeypatch.setattr(verify, "load_litert", lambda *_: verify.Runner(batch, run))
    monkeypatch.setattr(verify.time, "perf_counter", itertools.count().__next__)
    found = verify.verify(tmp_path / "such.tflite", np.zeros((3, 8, 8, 1), "uint8"))
    assert found["pred_score"].shape == (3,)
    assert np.all(found["timings"] == 1000 / batch)
