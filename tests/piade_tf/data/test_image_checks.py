"""What goes wrong with the files of real life."""

import os

import pytest
from folders import load, numbered, picture, refuses, write
from PIL import Image

from piade_tf.config import DataConfig
from piade_tf.data import find_source
from piade_tf.data.added_images import folder_images
from piade_tf.data.preparation import Preparation


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


def test_a_strip_too_long_to_be_cropped_is_named(mvtec):
    strip = mvtec / "test" / "good" / "strip.png"
    Image.new("RGB", (200_000, 1), "red").save(strip)
    told = "strip.png has 200000 x 1 pixels, of which --resize crop would first make 5600000 x 28"
    assert load(mvtec, resize="pad").test.count == 10
    refuses(f"^test/good/{told}", load, mvtec, resize="crop")
    refuses(told, folder_images, [str(strip)], Preparation((28, 28), "crop", channels=3), {})


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
