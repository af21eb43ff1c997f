"""Images that are to join a run: what is refused before anything is written."""

import os

import numpy as np
import pytest
from folders import SIDE, refuses, write
from PIL import Image

from piade_tf.data.added_images import folder_images
from piade_tf.data.preparation import Preparation

PREPARATION = Preparation((SIDE, SIDE), channels=3)


@pytest.mark.parametrize(
    "name, told",
    [(os.fsdecode(b"caf\xe9.png"), r"caf\\udce9.png"), ("a\rb.png", r"a\\rb.png")],
    ids=["bytes", "return"],
)
@pytest.mark.parametrize("place", ["{}", "{}/1.png"], ids=["file", "folder"])
def test_a_name_that_no_table_gives_back_is_named(tmp_path, place, name, told):
    odd = place.format(name)
    write(tmp_path, [odd, "sound.png"])
    paths = [str(tmp_path / "sound.png"), str(tmp_path / odd)]
    refuses(f"{told}.* has a name that is no plain text; rename it", folder_images, paths, PREPARATION, {})


def test_other_names_are_kept_as_they_are(tmp_path):
    names = ["良品.png", "a\nb.png", 'a,"b".png', "a\u00a0b.png"]
    write(tmp_path, names)
    paths = [str(tmp_path / name) for name in names]
    assert folder_images(paths, PREPARATION, {}).paths == paths


@pytest.mark.parametrize("bright, fits", [(0, True), (1, True), (2, False), (SIDE * SIDE, False)])
def test_grey_values_beyond_the_bits_of_the_run_are_refused_as_in_a_prediction(tmp_path, bright, fits):
    values = np.full(SIDE * SIDE, 900, "uint16")
    values[:bright] = 4000
    path = tmp_path / "deep.png"
    Image.fromarray(values.reshape(SIDE, SIDE)).save(path)
    preparation = Preparation((SIDE, SIDE), bits=10)
    if fits:
        assert folder_images([str(path)], preparation, {}).paths == [str(path)]
    else:
        told = "deep.png has grey values up to 4000, and the run was trained for 10 bits, up to 1023; train with more"
        refuses(told, folder_images, [str(path)], preparation, {})


def test_grey_images_join_a_run_that_has_some_and_no_run_in_colour_alone(tmp_path):
    path, size = str(tmp_path / "grey.png"), f"{SIDE}x{SIDE}"
    Image.fromarray(np.full((SIDE, SIDE), 90, "uint8")).save(path)
    for mode in ("L", "1", "LA", "I;16"):
        assert folder_images([path], PREPARATION, {f"{size} {mode}": 38, f"{size} RGB": 2}).paths == [path]
    refuses(
        "grey.png is grey, the images of the run have colour", folder_images, [path], PREPARATION, {f"{size} RGB": 40}
    )
