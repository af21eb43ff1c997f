"""An image that was there when the data were checked and is gone later: one line that names it."""

import errno
import os

import numpy as np
import pytest
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import batches, load_data
from piade_tf.data.checked_files import checked_records
from piade_tf.data.decode import decode_bytes
from piade_tf.errors import InputError
from piade_tf.lost_images import losses_told, note_loss


def cut_short(path):
    path.write_bytes(path.read_bytes()[:60])


def emptied(path):
    path.write_bytes(b"")


def replaced_by_a_folder(path):
    path.unlink()
    path.mkdir()


def linked_to_nothing(path):
    path.unlink()
    path.symlink_to("gone.png")


def removed(path):
    path.unlink()


@pytest.fixture
def folder(tmp_path):
    """MVTec's layout with one defect and its mask."""
    for name, count in (("train/good", 10), ("test/good", 2), ("test/bad", 1), ("ground_truth/bad", 1)):
        (tmp_path / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.random.default_rng(i).integers(0, 256, (28, 28), "uint8")
            ending = "_mask" if name.startswith("ground") else ""
            Image.fromarray(pixels).save(tmp_path / name / f"{i}{ending}.png")
    return tmp_path


def load(folder):
    return load_data(DataConfig("folder", folder, image_size=(28,), cache="none"), 0)


def learned_file(data):
    return os.fsdecode(next(data.train.items.as_numpy_iterator()))


@pytest.mark.parametrize(
    "change, reason",
    [
        (removed, "does not exist"),
        (cut_short, "is damaged"),
        (emptied, "is empty"),
        (replaced_by_a_folder, "is a folder"),
        (linked_to_nothing, "is a link to nothing"),
    ],
)
def test_a_training_names_the_image_and_what_happened_to_it(folder, change, reason):
    data = load(folder)
    path = learned_file(data)
    change(folder / path)
    with pytest.raises(InputError) as told, losses_told():
        list(batches(data.train, 4, shuffle_seed=0))
    assert str(told.value).startswith(f"{path} {reason}") and "\n" not in str(told.value)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_file_that_the_system_refuses_is_named_with_the_systems_reason(folder, monkeypatch, number):
    data = load(folder)

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("piade_tf.data.decode.os.open", refuse)
    with pytest.raises(InputError, match=f"good/[0-9].png cannot be opened: {os.strerror(number)}"), losses_told():
        list(batches(data.train, 4))


def test_a_mask_that_goes_is_named_as_well(folder):
    data = load(folder)
    mask = folder / "ground_truth/bad/0_mask.png"
    mask.unlink()
    with pytest.raises(InputError, match=f"{mask} does not exist"), losses_told():
        list(data.test.masks.images)


def test_names_that_are_no_text_are_told_on_one_line(folder):
    odd = folder / "train/good" / os.fsdecode(b"a\nb\xff.png")
    (folder / "train/good/0.png").rename(odd)
    data = load(folder)
    odd.unlink()
    with pytest.raises(InputError) as told, losses_told():
        for split in (data.train, data.validation, data.calibration):
            list(split.images)
    assert "a\\nb\\udcff.png does not exist" in str(told.value)


def test_a_record_of_a_data_set_that_cannot_be_decoded_names_the_set():
    with pytest.raises(InputError, match="pets is empty"), losses_told():
        checked_records(decode_bytes, "pets")(b"")


def test_other_errors_pass_and_an_older_loss_is_not_blamed():
    note_loss("an image of another training")
    with pytest.raises(ZeroDivisionError), losses_told():
        _ = 1 / 0
    with pytest.raises(InputError, match="a mistake"), losses_told():
        note_loss("an image")
        raise InputError("a mistake")


def test_a_mask_that_goes_before_maps_are_compared_with_it_in_its_own_size_is_named(folder):
    test = load_data(DataConfig("folder", folder, image_size=(32,), cache="none"), 0).test
    (bad,) = np.flatnonzero(test.labels)
    removed(folder / "ground_truth/bad/0_mask.png")
    with pytest.raises(InputError, match="ground_truth/bad/0_mask.png does not exist; it could be read"), losses_told():
        test.in_own_size(int(bad), np.zeros((32, 32), "float32"))
