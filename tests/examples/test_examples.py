"""The examples prepare an image as training does, read the metadata, and say what is wrong in a line."""

import hashlib
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.preparation import Preparation

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "examples"))

from predict_image import prepare  # noqa: E402
from read_metadata import read  # noqa: E402


@pytest.mark.parametrize(
    ("preparation", "width", "height"),
    [
        (Preparation((32, 32), "stretch", None, 3), 64, 64),
        (Preparation((32, 24), "pad", None, 3), 75, 50),
        (Preparation((32, 24), "crop", None, 3), 75, 50),
        (Preparation((39, 39), "stretch", (30, 30), 3), 160, 120),
        (Preparation((47, 51), "pad", (32, 25), 1), 83, 194),
        (Preparation((47, 51), "crop", (32, 26), 3), 83, 194),
        (Preparation((50, 75), "pad", None, 1), 20, 16),
        (Preparation((16, 16), "crop", None, 1), 16, 16),
        (Preparation((5, 5), "pad", None, 3), 20, 10),
    ],
)
def test_an_image_is_prepared_as_in_training(preparation, width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")
    about = {"resize": preparation.resize, "resize_to": list(preparation.size), "shape": [1, *preparation.shape]}
    prepared = prepare(Image.fromarray(pixels), about)
    np.testing.assert_array_equal(prepared[0], preparation(pixels))


def model_with(metadata):
    """Bytes with the metadata inside, as the exporter puts them into a file."""
    text = json.dumps({**metadata, "sha256": "0" * 64}).encode()
    content = b"TFL3 PIADE_METADATA PIADEMD1 weights" + b"PIADEMD1" + struct.pack("<I", len(text)) + text + b"\0\0"
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode())


def test_metadata_are_read(tmp_path):
    (tmp_path / "m.tflite").write_bytes(model_with({"name": "Flasche, grün"}))
    assert read(str(tmp_path / "m.tflite"))["name"] == "Flasche, grün"


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-40], lambda b: b.replace(b"weights", b"Weights"), lambda b: b"", lambda b: b"PIADEMD1"]
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, spoil):
    (tmp_path / "m.tflite").write_bytes(spoil(model_with({})))
    command = [sys.executable, "examples/read_metadata.py", str(tmp_path / "m.tflite")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert re.fullmatch(r"error: .*m\.tflite: .*\n", ended.stderr)


@pytest.mark.parametrize("flip", [1, 2, 16, 128])
def test_a_byte_that_is_changed_in_the_metadata_is_told_as_a_change(tmp_path, flip):
    content = model_with({"name": "a"})
    file = tmp_path / "m.tflite"
    for place in range(content.rindex(b"PIADEMD1"), len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
        with pytest.raises(ValueError, match="m.tflite: changed since it was exported"):
            read(str(file))


def test_pixels_of_more_than_8_bits_are_refused():
    about = {"resize": "stretch", "resize_to": [4, 4], "shape": [1, 4, 4, 1]}
    with pytest.raises(ValueError, match="8 bits"):
        prepare(Image.fromarray(np.full((8, 8), 40000, "uint16")), about)
