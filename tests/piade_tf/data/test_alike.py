"""Training images that do not vary are told of by number and name, whatever their files are."""

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from piade_tf.config import DataConfig
from piade_tf.data import load_data
from piade_tf.data.arrays import LabelledImages, one_class_source

COUNT = 12


def picture(seed, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (28, 30) if mode == "L" else (28, 30, 3), "uint8")
    return Image.fromarray(pixels)


def with_a_note(image, path, i):
    note = PngInfo()
    note.add_text("number", str(i))
    image.save(path, pnginfo=note)


def compressed_otherwise(image, path, i):
    image.save(path, compress_level=i % 10)


def in_another_format(image, path, i):
    image.save(path.with_suffix((".png", ".bmp", ".tiff", ".webp")[i % 4]), lossless=True)


def turned_and_marked_as_turned(image, path, i):
    exif = Image.Exif()
    exif[274] = (1, 3)[i % 2]
    image.rotate(180 * (i % 2)).save(path.with_suffix(".tiff"), exif=exif)


def grey_or_grey_in_three_channels(image, path, i):
    grey = ImageOps.grayscale(image)
    (grey if i % 2 else grey.convert("RGB")).save(path)


def warnings(folder):
    return load_data(DataConfig("folder", folder, image_size=(28,)), 0).warnings


def saved(folder, save, seeds):
    (folder / "good").mkdir()
    for i, seed in enumerate(seeds):
        save(picture(seed), folder / "good" / f"{i:02}.png", i)
    return warnings(folder)


@pytest.mark.parametrize(
    "save",
    [
        with_a_note,
        compressed_otherwise,
        in_another_format,
        turned_and_marked_as_turned,
        grey_or_grey_in_three_channels,
    ],
)
def test_equal_pictures_in_different_files_are_told_by_number_and_name(tmp_path, save):
    (said,) = saved(tmp_path, save, [0] * COUNT)
    assert f"all {COUNT} training images are identical" in said
    assert "good/01" in said and "good/00" in said


@pytest.mark.parametrize(
    "seeds, different", [([0] * (COUNT - 1) + [1], 2), ([0, 1, 2] * (COUNT // 3), 3), ([*range(6)] * 2, 6)]
)
def test_a_few_pictures_many_times_over_are_told_as_such(tmp_path, seeds, different):
    (said,) = saved(tmp_path, with_a_note, seeds)
    assert f"of {COUNT} training images only {different} differ" in said


def test_few_doubles_are_doubles_and_none_is_nothing(tmp_path):
    (said,) = saved(tmp_path, with_a_note, [*range(COUNT - 1), 0])
    assert said == "1 training images are doubled: good/11.png = good/00.png"
    (tmp_path / "good/11.png").unlink()
    assert warnings(tmp_path) == ()


def test_grey_values_of_12_bits_that_differ_in_the_last_bits_are_not_the_same(tmp_path):
    (tmp_path / "good").mkdir()
    for i in range(COUNT):
        values = np.random.default_rng(i).integers(200, 400, (28, 30)).astype("uint16")  # one to two steps of 8 bits
        Image.fromarray(values).save(tmp_path / "good" / f"{i}.png")
    assert not any("identical" in said or "doubled" in said for said in warnings(tmp_path))


@pytest.mark.parametrize("colour", [0, 255, 90])
def test_pictures_of_one_colour_are_told_also_where_their_sizes_differ(tmp_path, colour):
    (tmp_path / "good").mkdir()
    for i in range(COUNT):
        image = Image.new("RGB", (30 + i, 28), (colour, 20, 20)) if i < 3 else picture(i)
        image.save(tmp_path / "good" / f"{i:02}.png")
    (said,) = warnings(tmp_path)
    assert said.startswith("3 images have one colour throughout") and "good/00.png; good/01.png" in said


@pytest.mark.parametrize("copies, told", [(20, True), (11, True), (3, False)])
def test_arrays_are_looked_at_as_well(copies, told):
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), "uint8")
    images[:copies] = images[0]
    data = LabelledImages(images, np.zeros(20, "int64"))
    source = one_class_source(data, data, ("a", "b"), "a", "made up")
    assert any("identical" in said for said in source.warnings) == told


def test_photographs_that_differ_are_no_reason_to_warn():
    assert load_data(DataConfig(), 0).warnings == ()
