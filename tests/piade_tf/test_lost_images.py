"""An image that goes away after the check ends the work with its name, in one line."""

import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.cli.parsing import parse_config
from piade_tf.cli.train import train
from piade_tf.config import DataConfig
from piade_tf.data import batches, load_data
from piade_tf.errors import InputError
from piade_tf.lost_images import lost_images_in_one_line
from piade_tf.training import trainer


@pytest.fixture
def folder(tmp_path):
    """MVTec's layout: 12 good images to learn, a good one and a scratch with its mask to test on."""
    rng = np.random.default_rng(0)
    for name, count in (("train/good", 12), ("test/good", 1), ("test/scratch", 1), ("ground_truth/scratch", 1)):
        (tmp_path / "parts" / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, (28, 28), "uint8")
            if name.startswith("ground"):
                pixels = np.where(pixels > 200, 255, 0).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "parts" / name / f"{i:02d}.png")
    return tmp_path / "parts"


def cut_short(path):
    path.write_bytes(path.read_bytes()[:100])


def emptied(path):
    path.write_bytes(b"")


def turned_into_a_folder(path):
    path.unlink()
    path.mkdir()


def behind_a_link_to_nothing(path):
    path.unlink()
    path.symlink_to("gone.png")


def without_permission(path):
    path.chmod(0)


LOSSES = [cut_short, emptied, turned_into_a_folder, behind_a_link_to_nothing]
if os.name == "posix" and os.geteuid() != 0:  # the superuser may read anything
    LOSSES.append(without_permission)


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("cache", ["none", "disk"])
def test_the_image_and_what_has_become_of_it_are_named(folder, lose, cache):
    data = load_data(DataConfig("folder", folder, image_size=(28,), cache=cache), 0)
    for path in (folder / "train/good").iterdir():
        lose(path)
    with (
        pytest.raises(InputError, match=r"parts/train/good/\d\d\.png .*bring it back") as error,
        lost_images_in_one_line(),
    ):
        list(batches(data.train, 4))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("lost", ["test/scratch", "ground_truth/scratch"])
def test_test_images_and_masks_are_named_too(folder, lost):
    data = load_data(DataConfig("folder", folder, image_size=(28,)), 0)
    (folder / lost / "00.png").unlink()
    with pytest.raises(InputError, match=f"parts/{lost}/00.png does not exist"), lost_images_in_one_line():
        list(tf.data.Dataset.zip(data.test.images, data.test.masks.images))


def test_a_mistake_of_another_kind_stays_what_it_is(folder):
    with pytest.raises(ZeroDivisionError), lost_images_in_one_line():
        print(1 / 0)


def test_train_ends_with_one_line_and_exit_code_2(folder, tmp_path, monkeypatch, capsys):
    def fit(_trainer, _schedule, data, *_others):
        for path in (folder / "train/good").glob("0*.png"):
            path.unlink()
        list(batches(data.train, 4))

    monkeypatch.setattr(trainer, "fit", fit)
    small = ("--network.widths", "8", "--network.stem-stride", "4", "--network.magnifications", "1", "2")
    options = ("--dataset", "folder", "--data-dir", folder, "--image-size", "28", "--cache", "none", *small)
    with pytest.raises(SystemExit) as stop, errors_in_one_line():
        train(parse_config([*map(str, options), "--runs-dir", str(tmp_path / "runs"), "--no-tensorboard"]))
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder / 'train/good'}/0") and error.count("\n") == 1
