"""A detector that needs no training: what a command does with its verdicts is tested with it."""

import numpy as np
import pytest
from PIL import Image

from piade_tf.cli import predict as predict_module
from piade_tf.detector import Detector, Prediction, Unreadable
from piade_tf.evaluation.threshold import fit_threshold


class StubDetector:
    """Bright photographs are anomalous, empty files cannot be read.

    Attributes:
        on_image: called before each verdict, with the number of those before it.
    """

    threshold = map_threshold = fit_threshold("max", 0.01, [0.2, 0.5])

    def __init__(self):
        self.on_image = lambda number: None

    def stream(self, paths, batch_size=32, maps=False):
        for number, path in enumerate(paths):
            self.on_image(number)
            try:
                with Image.open(path) as image:
                    pixels = np.asarray(image.convert("L"))[..., None]
            except OSError:
                yield Unreadable(path, "is damaged")
                continue
            score = float(pixels.mean()) / 255
            shown = (np.full(pixels.shape[:2], score, "float32"), pixels) if maps else (None, None)
            yield Prediction(path, score, 50.0, score > self.threshold.value, pixels, *shown)


@pytest.fixture
def detector(monkeypatch):
    stub = StubDetector()
    monkeypatch.setattr(Detector, "load", lambda _run: stub)
    monkeypatch.setattr(predict_module, "start_tensorflow", lambda: None)
    return stub


@pytest.fixture
def photograph():
    """Writes a grey PNG of 8x8 under any name."""

    def write(path, grey=80):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), grey, "uint8")).save(path, "PNG")
        return path

    return write


@pytest.fixture
def photos(tmp_path, photograph):
    """Three normal photographs and an anomalous one."""
    for name, grey in (("1.png", 10), ("2.png", 20), ("3.png", 30), ("4.png", 250)):
        photograph(tmp_path / "photos" / name, grey)
    return tmp_path / "photos"
