"""An encoder of keras.applications, from a folder of photographs to files for phones, with random weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]


@pytest.fixture
def parts(tmp_path):
    """24 good squares, and 4 good and 4 scratched ones to test on, in MVTec's layout."""
    rng = np.random.default_rng(0)
    for folder, count in (("train/good", 24), ("test/good", 4), ("test/scratch", 4)):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(count):
            pixels = np.full((64, 64, 3), 120.0)
            pixels[20:44, 20:44] = 200
            if folder.endswith("scratch"):
                pixels[5:15, 10 + i : 25 + i] = (200, 30, 30)
            noisy = np.clip(pixels + rng.normal(0, 8, pixels.shape), 0, 255)
            Image.fromarray(noisy.astype("uint8")).save(tmp_path / folder / f"{i}.png")
    return tmp_path


def test_a_network_with_another_encoder_is_trained_and_exported(parts):
    options = ["--encoder", "mobilenet_v3_small", "--encoder-weights", "random", "--image-size", "64", "--epochs", "1"]
    where = ["--dataset", "folder", "--data-dir", str(parts), "--runs-dir", str(parts / "runs"), "--name", "other"]
    words = [*where, *options, "--no-tensorboard", "--export", "int8"]
    done = subprocess.run([sys.executable, "train.py", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: rejected; random features need not bear rounding
    run = parts / "runs" / "other"
    assert json.loads((run / "metrics.json").read_text(encoding="utf-8"))["image_AUROC"] > 0.9
    manifest = json.loads((run / "export" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"]["int8"]["size_ratio"] < 0.4
