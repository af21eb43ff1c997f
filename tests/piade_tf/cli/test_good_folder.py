"""Folders that are given to be learned: what is in them that is not good, or not new, is told and left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from piade_tf.cli.good_folder import images_of
from piade_tf.data.preparation import Preparation
from piade_tf.errors import InputError

CONFIG = {"options": {"data": {"channels": "auto"}}, "kinds": {"8x8 L": 40}}


@pytest.fixture
def lot(tmp_path):
    """Three images in ok/, and one in ng/ whose size the run does not know."""
    for i in range(3):
        write(tmp_path / f"lot7/ok/{i}.png", np.full((8, 8), 50 * i, "uint8"))
    write(tmp_path / "lot7/station 2/NG_1/3.png", np.zeros((9, 9), "uint8"))
    return tmp_path / "lot7"


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def names(folder, good=True):
    return [path.rpartition("/")[2] for path in images_of(folder, CONFIG, Preparation((8, 8)), good).paths]


def test_folders_below_that_are_called_bad_are_left_out_and_named(lot, capsys):
    assert names(lot) == ["0.png", "1.png", "2.png"]
    assert capsys.readouterr().out == (
        f"warning: {lot}/station 2/NG_1 is not used: its name says that its parts are not good\n"
    )


@pytest.mark.parametrize("below, named", [("station 2/NG_1", "its name says"), ("station 2", "whose names say")])
def test_a_folder_of_bad_parts_alone_is_refused(lot, below, named):
    with pytest.raises(InputError, match=named) as error:
        names(lot / below)
    assert str(lot / below) in str(error.value) and "\n" not in str(error.value)


def test_the_name_of_the_folder_counts_however_one_gets_there(lot, monkeypatch):
    monkeypatch.chdir(lot / "station 2/NG_1")
    with pytest.raises(InputError, match="its name says"):
        names(Path("."))


def test_bad_images_are_counted_wherever_they_lie(lot, capsys):
    write(lot / "station 2/NG_1/3.png", np.zeros((8, 8), "uint8") + 9)
    assert names(lot / "station 2", good=False) == ["3.png"]
    assert not capsys.readouterr().out


def test_what_is_passed_over_and_what_is_equal_is_told(lot, capsys):
    (lot / "ok/notes.txt").write_text("")
    write(lot / "ok/9.png", np.zeros((8, 8), "uint8"))
    assert names(lot / "ok") == ["0.png", "1.png", "2.png"]
    assert capsys.readouterr().out == (
        f"note: passed over 1 files or folders that are no photographs: {lot}/ok/notes.txt\n"
        f"note: 1 of 4 images in {lot / 'ok'} are equal to others of them and left out\n"
    )
