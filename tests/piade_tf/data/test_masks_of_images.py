"""Which mask belongs to which image, and masks that are odd."""

import os
from pathlib import Path

import numpy as np
import pytest
from folders import SIDE, load, mask, numbered, picture, write
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import load_data
from piade_tf.data.folder import list_images


@pytest.mark.parametrize("tested, masks", [("NG", "bad"), ("defect", "KO"), ("不良", "ng")])
def test_masks_of_bad_parts_are_found_under_another_word_for_bad(tmp_path, tested, masks):
    write(tmp_path, [*numbered("train/good", 5), *numbered(f"test/{tested}", 2)])
    for i in range(2):
        mask(tmp_path / f"ground_truth/{masks}/{i:03d}_mask.png")
    listing = list_images(tmp_path, None)
    assert all(file.masks for file in listing.test) and not listing.warnings


@pytest.mark.parametrize("masks", ["ground_truth", "mask", "GT"])
def test_masks_beside_good_and_bad_parts_without_a_split_are_no_bad_parts(tmp_path, masks):
    write(tmp_path, [*numbered("good", 8), *numbered("scratch", 2)])
    mask(tmp_path / masks / "scratch" / "000_mask.png")
    mask(tmp_path / masks / "scratch" / "001_mask.png")
    listing = list_images(tmp_path, None)
    assert [(file.class_name, len(file.masks)) for file in listing.test] == [("scratch", 1)] * 2
    assert f"masks in {masks}/" in listing.layout and not listing.warnings
    mask(tmp_path / "annotations" / "scratch" / "000.png")
    assert load(tmp_path).test.has_mask.any()
    assert any("of several folders of masks only" in told for told in list_images(tmp_path, None).warnings)


def test_masks_without_bad_parts_are_told(tmp_path):
    write(tmp_path, [*numbered("good", 8), *numbered("mask", 2)])
    listing = list_images(tmp_path, None)
    assert not listing.test and listing.warnings == ["mask is not used: its name says that masks are in it, and there "
                                                     "are no bad parts"]  # fmt: skip


def test_where_classes_are_told_apart_masks_may_be_one_of_them(tmp_path):
    write(tmp_path, [*numbered("no_mask", 8), *numbered("mask", 3)])
    assert [file.class_name for file in list_images(tmp_path, "no_mask").test] == ["mask"] * 3


def test_several_masks_of_one_image_as_in_mvtec_loco(tmp_path):
    write(tmp_path, [*numbered("train/good", 5), *numbered("test/logical_anomalies", 2)])
    for i in range(3):
        mask(tmp_path / f"ground_truth/logical_anomalies/000/{i:03d}.png")
    mask(tmp_path / "ground_truth/logical_anomalies/001/000.png", fill=160)
    first, second = list_images(tmp_path, None).test
    assert (len(first.masks), len(second.masks)) == (3, 1)
    data = load(tmp_path)
    assert data.warnings == () and data.test.has_mask.all()
    assert all(one.any() for one in data.test.masks.images.as_numpy_iterator())


def test_maps_are_compared_with_masks_in_their_own_size_too(mvtec):
    mask(mvtec / "ground_truth/dent/000_mask.png", size=(2 * SIDE, 2 * SIDE))
    test = load(mvtec).test
    assert test.in_own_size is not None
    dent, good = (int(np.flatnonzero(test.classes == name)[0]) for name in ("dent", "good"))
    anomaly_map = np.full((28, 28), 0.5, "float32")
    for index, side, anomalous in ((dent, 2 * SIDE, True), (good, SIDE, False)):
        enlarged, one_mask = test.in_own_size(index, anomaly_map)
        assert enlarged.shape == one_mask.shape == (side, side) and one_mask.any() == anomalous
        np.testing.assert_array_equal(enlarged, np.full((side, side), 0.5))
    assert load_data(DataConfig("folder", mvtec, image_size=(SIDE,)), seed=0).test.in_own_size is None


@pytest.mark.parametrize("name", ["000.png", "000_mask.PNG", "000-Mask.bmp", "000_GT.tif", "000_label.gif"])
def test_masks_have_the_name_of_their_image_and_one_of_several_endings(tmp_path, name):
    write(tmp_path, [*numbered("train/good", 5), *numbered("test/dent", 1, ".JPG")])
    mask(tmp_path / "ground_truth/dent" / name)
    (file,) = list_images(tmp_path, None).test
    assert [os.path.basename(path) for path in file.masks] == [name]


def masks_found(root):
    """The masks of each image, by their paths below ground_truth."""
    folder = root / "ground_truth"
    files = list_images(root, None).test
    return {file.id: [str(Path(path).relative_to(folder)) for path in file.masks] for file in files}


def test_names_that_differ_in_case_alone_have_masks_of_their_own(tmp_path):
    write(tmp_path, [*numbered("train/good", 5), "test/dent/a.png", "test/dent/A.png"])
    write(tmp_path, ["test/dent/0.png", "test/Dent/0.png"])
    for name in ("dent/a_mask.png", "dent/A_mask.png", "dent/0_mask.png", "Dent/0_mask.png"):
        mask(tmp_path / "ground_truth" / name)
    assert masks_found(tmp_path) == {
        "test/dent/a.png": ["dent/a_mask.png"],
        "test/dent/A.png": ["dent/A_mask.png"],
        "test/dent/0.png": ["dent/0_mask.png"],
        "test/Dent/0.png": ["Dent/0_mask.png"],
    }
    (tmp_path / "ground_truth/dent/A_mask.png").unlink()
    assert masks_found(tmp_path)["test/dent/A.png"] == []  # and not that of a.png
    (tmp_path / "test/dent/a.png").unlink()
    assert masks_found(tmp_path)["test/dent/A.png"] == ["dent/a_mask.png"]


def test_masks_that_lie_in_one_folder(tmp_path):
    write(tmp_path, [*numbered("train/good", 5), *numbered("test/bad", 2)])
    for i in range(2):
        mask(tmp_path / f"masks/{i:03d}.png")
    assert all(file.masks for file in list_images(tmp_path, None).test)


def test_masks_the_other_way_round_all_the_same_or_in_alpha_are_told(mvtec):
    folder = mvtec / "ground_truth"
    for i in range(2):
        Image.fromarray(255 - np.asarray(Image.open(folder / f"dent/{i:03d}_mask.png"))).save(
            folder / f"dent/{i:03d}_mask.png"
        )
    assert any("more than half" in one and "test/dent/000.jpg (9" in one for one in load(mvtec).warnings)
    same = (folder / "scratch/000_mask.png").read_bytes()
    for path in folder.rglob("*.png"):
        path.write_bytes(same)
    assert any("all 5 masks are the same" in one for one in load(mvtec).warnings)


def test_masks_that_could_mean_something_else_are_told_by_name(mvtec):
    folder = mvtec / "ground_truth"
    photograph = np.asarray(picture(1))
    alpha = np.asarray(Image.open(folder / "scratch/000_mask.png"))
    Image.fromarray(np.dstack([photograph, alpha])).save(folder / "scratch/000_mask.png")
    Image.fromarray(np.dstack([0 * alpha, alpha])).save(folder / "scratch/001_mask.png")
    faint = np.asarray(Image.open(folder / "dent/000_mask.png")).copy()
    faint[20:], faint[18:20] = 100, 70
    Image.fromarray(faint).save(folder / "dent/000_mask.png")
    warnings = load(mvtec).warnings
    for words, name in (
        ("alpha channel that tell of different places", "test/scratch/000.png"),
        ("taken from the alpha channel", "test/scratch/001.png"),
        ("too dark", "test/dent/000.jpg"),
    ):
        assert any(words in one and name in one for one in warnings)


def test_masks_without_image_and_images_without_mask_are_told(mvtec):
    mask(mvtec / "ground_truth/scratch/077_mask.png")
    (mvtec / "ground_truth/dent/001_mask.png").unlink()
    data = load(mvtec)
    assert data.warnings == (
        "ground_truth/dent has no mask for 001.jpg",
        "ground_truth/scratch has masks without an image: 077_mask.png",
    )
    without = data.test.ids[~data.test.has_mask]
    assert without.tolist() == ["test/dent/001.jpg"]


def test_a_black_mask_and_one_of_another_shape_are_told(mvtec):
    mask(mvtec / "ground_truth/dent/000_mask.png", fill=0)
    mask(mvtec / "ground_truth/scratch/000_mask.png", size=(SIDE, 2 * SIDE))
    mask(mvtec / "ground_truth/scratch/001_mask.png", size=(2 * SIDE, 2 * SIDE))  # the same shape, larger
    assert load(mvtec).warnings == (
        "1 anomalous images have a mask that is all black: test/dent/000.jpg",
        "1 masks have another aspect ratio than their image: test/scratch/000.png (64x32 for 32x32)",
    )


def test_a_mask_that_cannot_be_read_is_left_out(mvtec):
    (mvtec / "ground_truth/dent/000_mask.png").write_text("notes")
    data = load(mvtec)
    assert "1 masks cannot be read" in data.warnings[0]
    assert data.test.ids[~data.test.has_mask].tolist() == ["test/dent/000.jpg"]
    assert [Path(one.path).name for one in data.skipped] == ["000_mask.png"]


def test_of_several_masks_of_an_image_the_broken_one_is_named(mvtec):
    folder = mvtec / "ground_truth/dent/000"
    for name in ("a.png", "b.png", "c.png"):
        mask(folder / name)
    (mvtec / "ground_truth/dent/000_mask.png").unlink()
    (folder / "b.png").write_text("notes")
    assert [Path(one.path).name for one in load(mvtec).skipped] == ["b.png"]
    mask(folder / "b.png")
    mask(folder / "c.png", size=(SIDE, 2 * SIDE))
    (one,) = load(mvtec).skipped
    assert Path(one.path).name == "c.png" and one.reason == "has another size than the other masks of its image"
