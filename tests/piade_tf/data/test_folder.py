"""Folders: which layout is found, which image is what, and what goes wrong with the files of real life."""

import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import find_source, load_data
from piade_tf.data.folder import list_btad, list_images, list_mvtec
from piade_tf.data.listing import LayoutError
from piade_tf.errors import InputError

SHARED = Path(__file__).parents[4] / "shared" / "data"
SIDE = 32


def picture(seed, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), "uint8")
    return Image.fromarray(pixels).convert(mode)


def write(root, names, mode="RGB"):
    """An image of its own at each path."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(abs(hash(str(name))) % 2**32, mode).save(path)


def numbered(folder, count, suffix=".png"):
    return [f"{folder}/{i:03d}{suffix}".lstrip("/") for i in range(count)]


def mask(path, fill=255, size=(SIDE, SIDE)):
    """A mask with a defect, at another place for another name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(size, "uint8")
    pixels[4:10, 6 : 9 + sum(map(ord, path.name + path.parent.name)) % 7] = fill
    Image.fromarray(pixels).save(path)


@pytest.fixture
def mvtec(tmp_path):
    """A category in MVTec's layout: 70 to train on; 4 good, 3 scratched and 2 dented to test on."""
    root = tmp_path / "data" / "screw"
    write(root, [*numbered("train/good", 70), *numbered("test/good", 4), *numbered("test/scratch", 3)])
    write(root, numbered("test/dent", 2, ".jpg"))
    for i in range(3):
        mask(root / f"ground_truth/scratch/{i:03d}_mask.png")
    for i in range(2):
        mask(root / f"ground_truth/dent/{i:03d}_mask.png")
    return root


def load(root, **options):
    return load_data(DataConfig("folder", root, image_size=(28,), **options), seed=0)


def refuses(message, function, *arguments, **options):
    with pytest.raises(InputError, match=message) as excinfo:
        function(*arguments, **options)
    assert "\n" not in str(excinfo.value)
    return excinfo.value


def files_below(root):
    return {str(path.relative_to(root)): path.lstat().st_mtime_ns for path in root.rglob("*")}


# === Layouts ===


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


# === The same layouts in other words ===


def counts(root, learn=True, **options):
    """Images to learn from, normal and anomalous ones to test on."""
    source = find_source(DataConfig("folder", root, **options), learn)
    return len(source.train.labels), int((source.test.labels == 0).sum()), int(source.test.labels.sum())


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


@pytest.mark.parametrize("tested, masks", [("NG", "bad"), ("defect", "KO"), ("不良", "ng")])
def test_masks_of_bad_parts_are_found_under_another_word_for_bad(tmp_path, tested, masks):
    write(tmp_path, [*numbered("train/good", 5), *numbered(f"test/{tested}", 2)])
    for i in range(2):
        mask(tmp_path / f"ground_truth/{masks}/{i:03d}_mask.png")
    listing = list_images(tmp_path, None)
    assert all(file.masks for file in listing.test) and not listing.warnings


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


def test_masks_that_lie_in_one_folder(tmp_path):
    write(tmp_path, [*numbered("train/good", 5), *numbered("test/bad", 2)])
    for i in range(2):
        mask(tmp_path / f"masks/{i:03d}.png")
    assert all(file.masks for file in list_images(tmp_path, None).test)


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


# === Bits ===


def deep(root, count, largest, ending=".png"):
    root.mkdir(parents=True)
    for i in range(count):
        values = np.random.default_rng(i).integers(0, largest + 1, (SIDE, SIDE)).astype("uint16")
        values[0, 0] = largest
        Image.fromarray(values).save(root / f"{i:03d}{ending}")


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("largest, bits", [(4000, 12), (900, 10), (16383, 14), (65535, 16), (70, 8)])
def test_sixteen_bit_images_are_scaled_by_the_bits_in_use(tmp_path, largest, bits, ending):
    deep(tmp_path / "d", 6, largest, ending)
    data = load(tmp_path / "d")
    assert data.preparation.bits == bits
    assert max(image.max() for image in data.train.images.as_numpy_iterator()) > 60
    assert any("--bits" in one for one in data.warnings) == (bits < 16)


def test_the_bits_can_be_given_and_what_does_not_fit_is_told(tmp_path):
    deep(tmp_path / "d", 6, 4000)
    assert load(tmp_path / "d", bits=16).preparation.bits == 16
    assert load(tmp_path / "d", bits=16).warnings == ()
    cut = load(tmp_path / "d", bits=10)
    assert cut.preparation.bits == 10 and any("4000" in one and "1023" in one for one in cut.warnings)


def test_a_colour_camera_of_twelve_bits_in_sixteen_is_told(tmp_path):
    write(tmp_path, numbered("", 6))
    for path in tmp_path.iterdir():
        Image.fromarray(np.asarray(Image.open(path)) // 16).save(path)
    assert any("nearly black" in one and "000.png" in one for one in load(tmp_path).warnings)


def colour_of_sixteen_bits(values):
    """A PNG, `(height, width, 3)`, which Pillow does not write."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", *values.shape[1::-1], 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(">u2"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits, told", [(10, True), (12, True), (14, True), (16, False)])
def test_colour_files_of_sixteen_bits_that_use_fewer_are_told(tmp_path, bits, told):
    for i in range(6):
        values = np.random.default_rng(i).integers(0, 1 << bits, (SIDE, SIDE, 3))
        (tmp_path / f"{i}.png").write_bytes(colour_of_sixteen_bits(values))
    assert any("nearly black" in one for one in load(tmp_path).warnings) == told


def test_a_dark_photograph_among_bright_ones_is_nothing_to_tell(tmp_path):
    write(tmp_path, numbered("", 6))
    values = np.arange(3 * SIDE**2).reshape(SIDE, SIDE, 3)
    (tmp_path / "dark.png").write_bytes(colour_of_sixteen_bits(4 * values))
    (tmp_path / "bright.png").write_bytes(colour_of_sixteen_bits(20 * values))
    assert load(tmp_path).warnings == ()


# === Odd masks ===


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


# === Files of real life ===


def test_files_of_a_kind_that_is_not_read_are_skipped_by_name_and_count(mvtec):
    (mvtec / "train/good/film.mp4").write_bytes(b"x")
    (mvtec / "test/dent/raw.NEF").write_bytes(b"x")
    data = load(mvtec)
    assert {one.path for one in data.skipped} == {"train/good/film.mp4", "test/dent/raw.NEF"}
    assert data.warnings[0].startswith("2 of 81 images cannot be read")


def test_what_computers_leave_is_passed_over_in_training_too(mvtec):
    for name in ("train/good/._000.png", "train/good/@eaDir/000.png/thumb.jpg", "test/dent/Thumbs.db", "notes.txt"):
        (mvtec / name).parent.mkdir(parents=True, exist_ok=True)
        (mvtec / name).write_bytes(b"x")
    source = find_source(DataConfig("folder", mvtec))
    assert len(source.train.labels) == 70 and source.warnings == ()
    assert sorted(source.passed_over) == [
        *("notes.txt", "test/dent/Thumbs.db", "train/good/._000.png", "train/good/@eaDir"),
    ]


def test_unreadable_files_are_named_counted_and_skipped(mvtec):
    good = mvtec / "train" / "good"
    (good / "000.png").write_bytes((good / "000.png").read_bytes()[:200])
    (good / "001.png").write_bytes(b"")
    (good / "002.png").write_text("notes")
    (good / "z.png").symlink_to("nowhere.png")
    data = load(mvtec)
    assert {one.path: one.reason.split(":")[0] for one in data.skipped} == {
        "train/good/000.png": "is damaged",
        "train/good/001.png": "is empty",
        "train/good/002.png": "is no image in one of PNG, JPEG, BMP, GIF, WEBP, TIFF, HEIF, AVIF, PPM",
        "train/good/z.png": "is a link to nothing",
    }
    assert data.train.count == 67 - 26
    assert data.warnings[0].startswith("4 of 80 images cannot be read and are skipped: train/good/000.png is damaged")


def test_over_a_tenth_unreadable_stops(mvtec):
    for i in range(9):
        (mvtec / "train" / "good" / f"{i:03d}.png").write_text("")
    refuses("9 of 79 images cannot be read, more than a tenth; the first, train/good/000.png, is empty", load, mvtec)


def test_too_few_images_stop(tmp_path):
    write(tmp_path, numbered("", 2))
    refuses("2 normal training images are too few", load, tmp_path)


@pytest.mark.parametrize("name", ["a b.png", "zeile\n2.png", "質量 ä.png", "'; rm -rf ~;.png", "100%.PNG", "-v.png"])
def test_odd_names_are_read_and_printed_on_one_line(mvtec, name):
    write(mvtec, [f"test/dent/{name}"])
    data = load(mvtec)
    assert data.test.count == 10 and not any("\n" in one for one in data.test.ids)
    assert len(list(data.test.images)) == 10


def test_a_name_that_is_not_unicode_is_read(mvtec):
    os.rename(os.fsencode(mvtec / "test/good/000.png"), os.fsencode(mvtec / "test/good") + b"/caf\xe9.png")
    data = load(mvtec)
    assert len(list(data.test.images)) == 9
    assert any(one.startswith("test/good/caf") and one.isprintable() for one in data.test.ids)


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


def test_a_leak_and_duplicates_are_told_by_name(mvtec):
    good = mvtec / "train" / "good"
    (mvtec / "test/good/000.png").write_bytes((good / "005.png").read_bytes())
    (good / "007.png").write_bytes((good / "006.png").read_bytes())
    (mvtec / "test/dent/001.jpg").write_bytes((mvtec / "test/dent/000.jpg").read_bytes())
    assert load(mvtec).warnings == (
        "1 training images are doubled: train/good/007.png = train/good/006.png",
        "LEAK: 1 test images are among the training images: test/good/000.png = train/good/005.png",
        "1 test images are doubled: test/dent/001.jpg = test/dent/000.jpg",
    )


def test_an_empty_class_is_told(mvtec):
    (mvtec / "test" / "rust").mkdir()
    write(mvtec, ["test/loose.png"])
    data = load(mvtec)
    assert data.warnings == (
        "test/rust has no images",
        "1 images directly in test/ are not used, since nothing tells what they are: loose.png",
    )
    (mvtec.parent / "none" / "train" / "good").mkdir(parents=True)
    refuses("no images to learn from", load, mvtec.parent / "none")


def test_the_fingerprint_follows_content_and_names(mvtec):
    first = load(mvtec).fingerprint
    assert load(mvtec, resize="pad").fingerprint == first
    os.rename(mvtec / "test/good/003.png", mvtec / "test/good/004.png")
    renamed = load(mvtec).fingerprint
    picture(99).save(mvtec / "test/good/004.png")
    assert len({first, renamed, load(mvtec).fingerprint}) == 3


# === Real data ===


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
