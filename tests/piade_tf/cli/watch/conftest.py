"""A folder of photographs, and a detector that needs no training."""

import pytest
from watching import Stub

from piade_tf.cli import watch as watch_module
from piade_tf.detector import Detector


@pytest.fixture
def detector(monkeypatch):
    stub = Stub()
    monkeypatch.setattr(Detector, "load", lambda _run: stub)
    monkeypatch.setattr(watch_module, "start_tensorflow", lambda: None)
    return stub


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "lot").mkdir(parents=True)
    (folder / "1.png").write_bytes(b"g")
    (folder / "lot" / "2.png").write_bytes(b"b")
    (folder / "3.jpg").write_bytes(b"?")
    (folder / "._1.png").write_bytes(b"left by a computer")
    (folder / "4.png.part").write_bytes(b"half a download")
    return folder
