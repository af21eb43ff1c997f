"""Folders: which layout is found, and which image is what."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from folders import counts, files_below, load, mask, numbered, refuses, write
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import find_source, load_data
from piade_tf.data.folder import list_btad, list_images, list_mvtec
from piade_tf.data.listing import LayoutError
from piade_tf.run_directory import NEEDED

SHARED = Path(__file__).parents[4] / "shared" / "data"


def test_mvtec_layout(mvtec):
    before = files_below(mvtec)
    data = load(mvtec)
    assert data.layout == "MVTec's layout: train/good, test/ with 3 classes, masks in ground_truth/"
    assert (data.train.count, data.validation.count, data.calibration.count, data.test.count) == (42, 14, 14, 9)
    assert dict(zip(data.test.ids, data.test.classes, strict=True))["test/dent/000.jpg"] == "dent"
    np.testing.assert_array_equal(data.test.labels, data.test.classes != "good")
    masks = np.stack(list(data.test.masks.images.as_numpy_iterator()))
    assert masks.shape == (9, 28, 28) and data.test.has_mask.all()
    np.testing.assert_array_equal(masks.any(axis=(1, 2)), data.test.labels == 1)
    assert (data.normal_class, data.image_shape, data.warnings, data.skipped) == ("good", (28, 28, 3), (), ())
    assert files_below(mvtec) == before


def test_the_images_are_those_of_the_files(mvtec):
    data = load(mvtec, channels="3", resize="crop")
    for name, image in zip(data.test.ids, data.test.images.as_numpy_iterator(), strict=True):
        expected = np.asarray(Image.open(mvtec / name).resize((28, 28), Image.BILINEAR), int)
        np.testing.assert_allclose(image, expected, atol=4)  # JPEG decodes to other bits elsewhere


def test_mvtec_by_category(mvtec):
    root = mvtec.parent
    listing = list_mvtec(root, "screw")
    assert listing.layout.startswith("MVTec AD screw, MVTec's layout") and len(listing.train) == 70
    write(root, numbered("bolt/train/good", 1))
    refuses("--category is wanted; choose one of bolt, screw", list_mvtec, root, None)
    refuses("--category 'nut' is not in .*; choose one of bolt, screw", list_mvtec, root, "nut")
    refuses("has no categories as mvtec", list_mvtec, mvtec, "screw")
    for wanted in ("scratched", ""):
        of_mvtec = DataConfig("mvtec", root, category="screw", normal_class=wanted)
        refuses(f"--normal-class '{wanted}' is none; there are good", find_source, of_mvtec)
    assert find_source(DataConfig("mvtec", root, category="screw", normal_class="ok")).normal_class == "good"


@pytest.mark.parametrize("category", ["01", "1"])
def test_btad_by_product_with_masks_of_another_type(tmp_path, category):
    write(tmp_path, [*numbered("01/train/ok", 5, ".bmp"), *numbered("01/test/ok", 2, ".bmp")])
    write(tmp_path, [*numbered("01/test/ko", 2, ".bmp"), *numbered("02/train/ok", 1)])
    for i in range(2):
        mask(tmp_path / f"01/ground_truth/ko/{i:03d}.png")
    listing = list_btad(tmp_path, category)
    assert listing.layout.startswith("BTAD product 01, MVTec's layout: train/ok")
    assert [(file.class_name, file.anomalous, file.masks and file.masks[0][-7:]) for file in listing.test] == [
        ("ko", True, "000.png"),
        ("ko", True, "001.png"),
        ("ok", False, ()),
        ("ok", False, ()),
    ]
    refuses("--normal-class 'ko' is none; there are ok", list_btad, tmp_path, category, "ko")
    refuses("--category: no product '7' in .*; choose one of 01, 02", list_btad, tmp_path, "7")
    refuses("has no products 01, 02, 03 as btad", list_btad, tmp_path / "01", "01")


def test_classes_with_a_split(tmp_path):
    write(tmp_path, [*numbered("train/cat", 60), *numbered("train/dog", 3), *numbered("test/cat", 2)])
    write(tmp_path, numbered("test/dog", 2))
    data = load(tmp_path, normal_class="cat")
    assert (data.train.count, data.test.count, data.normal_class) == (36, 4, "cat")
    assert data.warnings == ("of train/ only cat is learned; not used: dog",)
    np.testing.assert_array_equal(data.test.labels, [0, 0, 1, 1])
    assert data.test.masks is None
    refuses("give one of the folders as --normal-class; there are cat, dog", load, tmp_path)
    refuses("--normal-class 'cow' is none; there are cat, dog", load, tmp_path, normal_class="cow")


def test_classes_without_a_split_hold_out_every_fourth_normal_image(tmp_path):
    write(tmp_path, [*numbered("apple", 81), *numbered("pear", 3)])
    data = load(tmp_path, normal_class="apple")
    assert data.layout == "classes without a split: apple/ is normal"
    assert (data.train.count, data.test.count, int(data.test.labels.sum())) == (61 - 24, 20 + 3, 3)
    assert data.test.ids[0] == "apple/003.png"


def test_a_folder_of_good_images_and_nothing_else(tmp_path):
    write(tmp_path, numbered("", 61))
    data = load(tmp_path)
    assert (data.layout, data.train.count, data.test.count) == ("good images alone", 37, 0)
    assert list(data.test.images) == [] and data.test.masks is None
    assert len(list(data.train.images)) == 37


@pytest.mark.parametrize("name", ["ng", "Defect_2", "不良"])
def test_a_folder_of_bad_images_and_nothing_else_is_not_taken_for_good_ones(tmp_path, monkeypatch, name):
    write(tmp_path, [*numbered("good", 8), *numbered(name, 3)])
    refuses(f"{name}: its name says that its parts are not good; give the", list_images, tmp_path / name, None)
    monkeypatch.chdir(tmp_path / name)
    refuses("its name says", list_images, Path("."), None)
    assert len(list_images(tmp_path / "good", None).train) == 8


def test_train_good_alone_and_images_directly_in_train(tmp_path):
    write(tmp_path / "a", numbered("train/good", 60))
    assert load(tmp_path / "a").layout == "MVTec's layout: train/good, no test images"
    write(tmp_path / "b", numbered("train", 60))
    assert load(tmp_path / "b").layout == "images in train/, no test images"


def test_grey_is_found_and_colour_wins(tmp_path):
    write(tmp_path, numbered("", 60), "L")
    assert load(tmp_path).image_shape == (28, 28, 1)
    assert load(tmp_path, channels="3").image_shape == (28, 28, 3)
    write(tmp_path, ["colour.png"])
    assert load(tmp_path).image_shape == (28, 28, 3)
    assert load(tmp_path, channels="1").image_shape == (28, 28, 1)


def test_grey_saved_as_colour_is_grey(tmp_path):
    write(tmp_path, numbered("", 60), "L")
    for path in tmp_path.iterdir():
        Image.open(path).convert("RGB").save(path)
    assert load(tmp_path).image_shape == (28, 28, 1)


@pytest.mark.parametrize(
    "names, message",
    [
        (["notes.txt"], "has no images"),
        (
            ["bottle/train/good/1.png"],
            "holds bottle, each with a train folder of its own; give .*/bottle, or --dataset mvtec.*",
        ),
        (["a/b/train/good/1.png"], "is laid out in no way that is understood, but .*/a/b is; give that"),
        (["1.png", "a/2.png"], "has images both in itself and in its folders a;.*"),
        (["train/notes.txt"], "has a folder train, but no images in it"),
    ],
)
def test_a_layout_that_is_not_understood_shows_what_was_looked_for_and_found(tmp_path, names, message):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    error = refuses(f"{message}; inspect-data prints what was looked for", load, tmp_path)
    assert isinstance(error, LayoutError)
    assert "train/good" in error.looked_for and error.found.startswith(tmp_path.name)


def test_a_folder_that_is_missing_empty_or_a_file_is_refused(tmp_path):
    refuses("does not exist; give the folder that holds the images", load, tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    refuses("empty is empty", load, tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    refuses("file is a file", load, tmp_path / "file")
    refuses("--dataset folder needs --data-dir", load_data, DataConfig("folder"), 0)


def test_listing_a_hundred_thousand_files_takes_less_than_five_seconds(tmp_path):
    for i in range(100_000):
        (tmp_path / f"{i:06d}.png").touch()
    start = time.monotonic()
    listing = list_images(tmp_path, None)
    assert len(listing.train) == 100_000
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "train, good, test, fine, masks",
    [
        ("train", "good", "test", "OK", "ground_truth"),
        ("Training", "ok", "Testing", "Normal", "GT"),
        ("TRAIN", "良品", "Test", "good", "Masks"),
        ("train_data", "No_Defect", "test-data", "i.O.", "Ground Truth"),
        ("1_Train", "ＯＫ", "2_Test", "合格", "annotations"),
    ],
)
def test_folders_in_other_words(tmp_path, train, good, test, fine, masks):
    write(tmp_path, [*numbered(f"{train}/{good}", 5), *numbered(f"{test}/{fine}", 2), *numbered(f"{test}/dent", 3)])
    for i in range(3):
        mask(tmp_path / masks / "dent" / f"{i:03d}_MASK.PNG")
    listing = list_images(tmp_path, None)
    assert listing.kind == "parts" and listing.warnings == []
    assert [file.anomalous for file in listing.test].count(True) == 3
    assert all(bool(file.masks) == file.anomalous for file in listing.test)
    assert counts(tmp_path) == (5, 2, 3)


def test_lots_below_a_class_belong_to_it_and_are_named(tmp_path):
    write(tmp_path, [*numbered("train/good/monday", 3), *numbered("train/good/tuesday/late", 4)])
    write(tmp_path, [*numbered("train/good", 2), *numbered("test/dent/a", 1), *numbered("test/dent/b", 1)])
    for lot in "ab":
        mask(tmp_path / f"ground_truth/dent/{lot}/000_mask.png")
    listing = list_images(tmp_path, None)
    assert len(listing.train) == 9 and "monday, tuesday" in listing.layout
    assert [os.path.dirname(file.masks[0])[-1] for file in listing.test] == ["a", "b"]
    write(tmp_path / "classes", [*numbered("ok/1", 3), *numbered("ok/2", 3), *numbered("ng/1", 2)])
    assert counts(tmp_path / "classes", learn=False) == (0, 6, 2)


@pytest.mark.parametrize("bad", ["NG", "bad_1", "lot2/Ausschuss", "a/b/不良"])
@pytest.mark.parametrize("good", ["train/good", "validation/good", "test/good", "OK"])
def test_what_is_called_bad_below_good_is_not_taken_for_good(tmp_path, good, bad):
    write(tmp_path, [*numbered(good, 3), *numbered(f"{good}/lot2", 1), *numbered(f"{good}/{bad}", 2)])
    if good != "OK":
        write(tmp_path, numbered("train/good", 5))
    listing = list_images(tmp_path, None)
    normal = [file for file in [*listing.train, *listing.test] if not file.anomalous]
    assert len(normal) == (4 if good == "OK" else 6 if good == "train/good" else 9)
    assert any(f"{good}/{bad}" in one for one in listing.warnings)


@pytest.mark.parametrize("normal_class, below", [("good", "good"), ("good", "a/OK"), ("cat", "cat")])
def test_what_is_called_normal_below_another_class_is_not_taken_for_anomalous(tmp_path, normal_class, below):
    for root, test in (("split", "test/"), ("classes", "")):
        write(tmp_path / root, [*numbered(f"{test}lot1/{below}", 3), *numbered(f"{test}lot1/bad", 2)])
    write(tmp_path, [*numbered(f"split/train/{normal_class}", 5), *numbered(f"classes/{normal_class}", 5)])
    for root, test in (("split", "test/"), ("classes", "")):
        listing = list_images(tmp_path / root, normal_class)
        assert [file.id for file in listing.test] == [f"{test}lot1/bad/000.png", f"{test}lot1/bad/001.png"]
        (told,) = listing.warnings
        assert told.startswith(f"{test}lot1/{below} is not used") and f"beside {test}lot1" in told


@pytest.mark.parametrize("normal_class", [None, "widget"])
def test_what_is_called_good_is_normal_where_a_single_class_is_learned(tmp_path, normal_class):
    write(tmp_path, [*numbered("train/widget", 5), *numbered("val/ok", 1), *numbered("test/good", 2)])
    write(tmp_path, [*numbered("test/widget", 1), *numbered("test/bad", 2)])
    assert counts(tmp_path, normal_class=normal_class) == (6, 3, 2)


def test_what_is_called_good_is_another_class_where_train_has_it_or_learns_the_bad(tmp_path):
    write(tmp_path / "a", [*numbered("train/good", 5), *numbered("train/widget", 5), *numbered("test/good", 2)])
    assert counts(tmp_path / "a", normal_class="widget") == (5, 0, 2)
    write(tmp_path / "b", [*numbered("train/bad", 5), *numbered("test/good", 2)])
    assert counts(tmp_path / "b", normal_class="bad") == (5, 0, 2)


def test_a_link_called_bad_into_the_good_ones_has_the_bad_parts_below_them(tmp_path):
    write(tmp_path, [*(f"good/{i}.png" for i in range(8)), "good/bad/a.png", "good/bad/b.png"])
    (tmp_path / "bad").symlink_to(Path("good", "bad"))
    found = list_images(tmp_path, None)
    assert [file.id for file in found.test if file.anomalous] == ["bad/a.png", "bad/b.png"] and len(found.train) == 8


def test_a_class_may_be_named_by_a_link_to_it(tmp_path):
    write(tmp_path, [f"{name}/{i}.png" for name in ("v2", "v3") for i in range(5)])
    (tmp_path / "current").symlink_to("v3")
    assert {file.class_name for file in list_images(tmp_path, "current").train} == {"v3"}


@pytest.mark.parametrize("name, target", [("latest", "good"), ("all", "."), ("up", ".."), ("a/more", "../good")])
@pytest.mark.parametrize("place", ["", "test/"])
def test_a_link_to_a_class_or_back_up_is_no_other_class(tmp_path, place, name, target):
    write(tmp_path, [*numbered(f"photos/{place}good", 8), *numbered(f"photos/{place}a", 2)])
    if place:
        write(tmp_path, numbered("photos/train/good", 6))
    photos = tmp_path / "photos"
    before = counts(photos)
    (photos / place / name).symlink_to(target)
    assert counts(photos) == before == ((6, 8, 2) if place else (6, 2, 2))
    (passed,) = list_images(photos, None).besides.passed_over
    why = f"the same folder as {place}good" if "good" in target else "leads back up"
    assert passed == f"{place}{name} ({why})"


def test_classes_may_be_links_to_folders_elsewhere_one_within_the_other(tmp_path):
    write(tmp_path, [*numbered("mnt/good", 8), *numbered("mnt/bad", 1), *numbered("mnt/good/scratch", 2)])
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/good").symlink_to(tmp_path / "mnt/good")
    (tmp_path / "photos/scratch").symlink_to(tmp_path / "mnt/good/scratch")
    (tmp_path / "mnt/good/up").symlink_to("..")
    assert counts(tmp_path / "photos", learn=False) == (0, 8, 2)
    assert list_images(tmp_path / "photos", None).besides.passed_over == [
        "good/scratch (the same folder as scratch)",
        "good/up (leads back up)",
    ]


@pytest.mark.parametrize("names", [["good", "OK"], ["good_1", "good_2"], ["良品", "合格", "io"]])
def test_several_folders_that_say_good_are_all_good(tmp_path, names):
    for name in names:
        write(tmp_path / "a", numbered(name, 4))
        write(tmp_path / "b", [*numbered(f"train/{name}", 4), *numbered(f"test/{name}", 1)])
    write(tmp_path, [*numbered("a/bad", 2), *numbered("b/test/bad", 2)])
    count = len(names)
    for wanted in (None, "good"):
        assert counts(tmp_path / "a", learn=False, normal_class=wanted) == (0, 4 * count, 2)
        assert counts(tmp_path / "b", normal_class=wanted) == (4 * count, count, 2)
    assert all(name in list_images(tmp_path / "b", None).layout for name in names)


def test_a_split_below_good_and_bad_is_no_product(tmp_path):
    write(tmp_path, [*numbered("good/train", 6), *numbered("good/test", 2), *numbered("bad/test", 2)])
    assert counts(tmp_path) == (6, 2, 2)
    assert "test, train" in list_images(tmp_path, None).layout


@pytest.mark.parametrize("bad", ["bad", "test/NG", "defects/lot1", "test/不良/a"])
def test_bad_parts_alone_are_tested_as_bad_and_never_learned(tmp_path, bad):
    write(tmp_path, numbered(bad, 6))
    assert counts(tmp_path, learn=False) == (0, 0, 6)
    refuses("no images to learn from", load, tmp_path)


def test_a_single_defect_to_test_on_is_not_taken_for_normal(tmp_path):
    write(tmp_path, numbered("test/scratch", 6))
    refuses("--normal-class, or good", find_source, DataConfig("folder", tmp_path), False)
    assert counts(tmp_path, learn=False, normal_class="good") == (0, 0, 6)
    assert counts(tmp_path, learn=False, normal_class="scratch") == (0, 6, 0)
    write(tmp_path, numbered("train/bad", 6))
    refuses("bad in train", load, tmp_path)


def test_of_several_folders_for_one_purpose_the_one_with_images_is_taken(tmp_path):
    write(tmp_path, [*numbered("train/good", 5), *numbered("test/dent", 1)])
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "coco.json").write_text("{}")
    mask(tmp_path / "ground_truth/dent/000_mask.png")
    assert all(file.masks for file in list_images(tmp_path, None).test)


def test_an_empty_class_without_a_split_is_told(tmp_path):
    write(tmp_path, numbered("good", 5))
    (tmp_path / "NG").mkdir()
    assert list_images(tmp_path, None).warnings == ["NG has no images"]


def test_validation_images_are_joined_and_defective_ones_named(tmp_path):
    """The layout of MVTec LOCO AD, and one with defects among the validation images."""
    write(tmp_path, [*numbered("train/good", 5), *numbered("validation/good", 3), *numbered("validation/dent", 1)])
    listing = list_images(tmp_path, None)
    assert len(listing.train) == 8 and "3 images of validation/" in listing.layout
    assert any("validation/" in one and "dent" in one for one in listing.warnings)
    write(tmp_path / "flat", [*numbered("train", 5), *numbered("val", 2)])
    assert counts(tmp_path / "flat") == (7, 0, 0)


def test_a_class_is_found_in_either_unicode_form(tmp_path):
    write(tmp_path, [*numbered("train/Mu\u0308ller", 5), *numbered("test/M\u00fcller", 2), *numbered("test/x", 1)])
    assert counts(tmp_path, normal_class="m\u00fcller") == (5, 2, 1)


def test_what_is_not_learned_from_is_all_for_testing(tmp_path):
    write(tmp_path / "a", [*numbered("good", 8), *numbered("scratch", 3)])
    assert counts(tmp_path / "a") == (6, 2, 3)
    assert counts(tmp_path / "a", learn=False) == (0, 8, 3)
    write(tmp_path / "b", numbered("", 7))
    assert counts(tmp_path / "b", learn=False) == (0, 7, 0)
    write(tmp_path / "c", [*numbered("test/good", 4), *numbered("test/x", 2)])
    assert counts(tmp_path / "c", learn=False) == (0, 4, 2)
    refuses("test/.*--data-dir", load, tmp_path / "c")


def test_five_good_images_are_all_learned_beside_bad_ones(tmp_path):
    write(tmp_path, [*numbered("good", 5), *numbered("bad", 2)])
    data = load(tmp_path)
    assert [split.count for split in (data.train, data.validation, data.calibration, data.test)] == [3, 1, 1, 2]


@pytest.mark.parametrize("images", [[*numbered("good", 8), *numbered("scratch", 3)], numbered("", 8)])
def test_runs_among_the_photographs_change_nothing(tmp_path, images):
    write(tmp_path, images)
    before = find_source(DataConfig("folder", tmp_path))
    for run in ("runs/bolts", "bolts"):
        write(tmp_path, [*numbered(f"{run}/export/golden", 2), f"{run}/figures/sample.png"])
        for name in NEEDED:
            (tmp_path / run / name).touch()
    after = find_source(DataConfig("folder", tmp_path))
    assert (after.fingerprint, after.layout, after.warnings) == (before.fingerprint, before.layout, before.warnings)
    assert {name.split(" ")[0] for name in after.passed_over} == {"bolts", "runs/bolts"}


@pytest.mark.parametrize(
    "below",
    [
        *("Train/Dataset/train/OK", "export/2024/v2/train/good", "parts/Training/io"),
        *("docs/Train/Dataset/train/OK", "a/train/b/training/good"),
    ],
)
def test_a_layout_further_down_is_pointed_to(tmp_path, below):
    write(tmp_path, [*numbered(below, 3), *numbered(f"{os.path.dirname(os.path.dirname(below))}/test/NG", 2)])
    error = refuses("give", list_images, tmp_path, None)
    better = str(tmp_path / os.path.dirname(os.path.dirname(below)))
    assert better in str(error)
    assert list_images(Path(better), None).train


def test_images_and_folders_that_no_layout_has_are_named(mvtec):
    write(mvtec, ["loose.png", *numbered("spare", 3), *numbered("train", 2)])
    warnings = load(mvtec).warnings
    for name in ("loose.png", "spare", "000.png"):
        assert any(name in one for one in warnings)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no {SHARED}")
@pytest.mark.parametrize(
    "dataset, folder, category, shape, counts, masked",
    [
        ("mvtec", "mvtec_ad", "bottle", (256, 256, 3), (167, 83, 63), 63),
        ("mvtec", "mvtec_ad", "transistor", (256, 256, 3), (171, 100, 40), None),
        ("folder", "magnetic_tile", None, (256, 256, 1), (608, 584, 392), 388),
    ],
)
def test_real_folders(dataset, folder, category, shape, counts, masked):
    data = load_data(DataConfig(dataset, SHARED / folder, category), seed=0)
    assert data.image_shape == shape
    assert (data.train.count, data.test.count, int(data.test.labels.sum())) == counts
    assert data.skipped == ()
    if masked is None:
        assert data.test.masks is None
    else:
        masks = np.stack(list(data.test.masks.images.as_numpy_iterator()))
        assert int(masks.any(axis=(1, 2)).sum()) == masked
