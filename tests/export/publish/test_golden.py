"""Which images an app is tested with."""

import json

import numpy as np
import pytest
from PIL import Image

from export.publish.golden import pick, write_golden
from export.verification.compared_images import ComparedImages
from export.verification.measure import Measured

SCORES = np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0])


def picked(labels):
    chosen = pick(np.array(labels), SCORES)
    assert len(set(chosen)) == 3
    return [float(SCORES[index]) for index in chosen]


def test_the_middle_of_each_kind_and_the_highest_of_all():
    assert picked([0, 0, 1, 0, 1, 1]) == [3.0, 7.0, 9.0]


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_kind_the_highest_is_left_out(label):
    found = picked([label] * 6)
    assert found[:2] == [5.0, 1.0] and 9.0 not in found


@pytest.fixture
def good_alone(tmp_path):
    """Writes golden images of a run that has good images alone, with the scores of two files for 4 + 4 + 4 images."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), "uint8")
    np.save(tmp_path / "images.npy", pixels)
    images = ComparedImages(tmp_path / "images.npy", slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 12))

    def write(float32, int8):
        zeros = np.zeros(12)
        files = {"float32": float32, "int8": int8}
        measured = {name: Measured(np.array(scores), zeros, zeros, zeros, zeros, 0) for name, scores in files.items()}
        entry = {"accepted": True, "threshold": {"value": 1.0}}
        manifest = {"files": dict.fromkeys(files, entry)}
        write_golden(tmp_path, manifest, np.zeros(0), np.array(float32), images, measured, None)
        return json.loads((tmp_path / "golden" / "golden.json").read_text())

    return write, pixels, tmp_path / "golden"


def test_of_a_run_with_good_images_alone_a_synthetic_defect_raises_the_alarm_of_every_file(good_alone):
    write, pixels, folder = good_alone
    golden = write([0.1] * 8 + [3.0, 2.0, 1.5, 0.2], [0.1] * 8 + [0.9, 2.0, 1.6, 0.2])
    assert list(golden) == [f"golden_{i}.png" for i in range(4)]
    *normal, alarm = golden.values()
    assert all(not one[name]["anomalous"] for one in normal for name in ("float32", "int8"))
    assert alarm["synthetic"] and alarm["label"] == 1 and alarm["float32"]["anomalous"] and alarm["int8"]["anomalous"]
    assert np.array_equal(np.asarray(Image.open(folder / "golden_3.png")), pixels[9, ..., 0])


def test_where_an_image_raises_an_alarm_already_none_is_added(good_alone):
    write, _, _ = good_alone
    assert len(write([0.1] * 4 + [2.0] * 4 + [3.0] * 4, [0.1] * 4 + [2.0] * 4 + [3.0] * 4)) == 3
