"""Preparation: any image becomes what the network takes, the same way wherever it happens."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from export.graph_preparation import prepared_in_graph
from piade_tf.config import DataConfig
from piade_tf.data.decode import UnreadableImageError, decode_file
from piade_tf.data.jitter import jittered
from piade_tf.data.preparation import KERNELS, Preparation, resized, uncropped
from piade_tf.errors import InputError

PHOTO = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 14, 3), "uint8")).resize((140, 90), Image.BICUBIC)
)


def prepared(image, **options):
    return Preparation(**options)(image)


@pytest.mark.parametrize("size", [(32, 32), (200, 150), (90, 140), (31, 77)])
def test_stretching_is_bilinear_with_antialiasing_rounded_to_bytes(size):
    expected = PHOTO if size == (90, 140) else np.round(tf.image.resize(PHOTO, size, antialias=True))
    np.testing.assert_allclose(prepared(PHOTO, size=size, channels=3).astype(int), expected, atol=1)


@pytest.mark.parametrize("size", [(45, 70), (30, 40)])
def test_stretching_is_what_pillow_makes_of_it(size):
    expected = np.asarray(Image.fromarray(PHOTO).resize(size[::-1], Image.BILINEAR))
    np.testing.assert_allclose(prepared(PHOTO, size=size, channels=3).astype(int), expected, atol=1)


@pytest.mark.parametrize("size", [(32, 32), (200, 150), (31, 77)])
@pytest.mark.parametrize("kernel", sorted(set(KERNELS) - {"sampled"}))
def test_resizing_is_pillows_of_floating_point_to_the_bit(size, kernel):
    bands = [Image.fromarray(PHOTO[..., i].astype("float32")) for i in range(3)]
    whole = [np.asarray(band.resize(size[::-1], Image.Resampling[kernel.upper()])) for band in bands]
    np.testing.assert_array_equal(resized(PHOTO, *size, kernel), np.stack(whole, axis=-1))


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_a_photograph_is_not_held_in_floating_point_as_a_whole(resize):
    photograph = np.zeros((1500, 2000, 3), "uint8")
    tracemalloc.start()
    try:
        Preparation((64, 64), resize, channels=3)(photograph)
        assert tracemalloc.get_traced_memory()[1] < photograph.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sides", [(4, 60_000), (60_000, 4), (1, 1_000_000)])
def test_a_strip_that_cropping_would_enlarge_beyond_what_is_read_is_refused(sides):
    strip = np.full((*sides, 3), 90, "uint8")
    for resize in ("stretch", "pad"):
        assert prepared(strip, size=(256, 256), resize=resize, channels=3).any()
    told = f"^has {sides[1]} x {sides[0]} pixels, of which --resize crop would first make .*; cut it to the part, or "
    with pytest.raises(UnreadableImageError, match=told):
        prepared(strip, size=(256, 256), resize="crop", channels=3)
    assert (prepared(np.full((8, 800, 1), 90, "uint8"), size=(64, 64), resize="crop") == 90).all()


def test_padding_keeps_the_aspect_ratio_within_black_borders():
    image = prepared(PHOTO, size=(70, 70), resize="pad", channels=3)
    expected = np.zeros((70, 70, 3))
    expected[12:57] = np.round(tf.image.resize(PHOTO, (45, 70), antialias=True))
    np.testing.assert_allclose(image.astype(int), expected, atol=1)


def test_cropping_keeps_the_aspect_ratio_and_the_middle():
    image = prepared(PHOTO, size=(45, 45), resize="crop", channels=3)
    expected = np.round(tf.image.resize(PHOTO, (45, 70), antialias=True))[:, 12:57]
    np.testing.assert_allclose(image.astype(int), expected, atol=1)


@settings(deadline=None, max_examples=30)
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from((1, 3))),
    size=st.tuples(st.integers(28, 50), st.integers(28, 50)),
    resize=st.sampled_from(("stretch", "pad", "crop")),
    channels=st.sampled_from((1, 3)),
    crop=st.booleans(),
)
def test_every_image_gets_the_shape_and_a_plain_one_keeps_its_colour(shape, size, resize, channels, crop):
    preparation = Preparation(size, resize, (28, 28) if crop else None, channels)
    image = preparation(np.full(shape, 90, "uint8"))
    assert image.shape == preparation.shape and image.dtype == "uint8"
    assert set(np.unique(image)) <= {0, 90} if resize == "pad" else (image == 90).all()


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90), st.sampled_from((1, 3))),
    size=st.tuples(st.integers(28, 50), st.integers(28, 50)),
    resize=st.sampled_from(("stretch", "pad", "crop")),
    crop=st.booleans(),
    seed=st.integers(0, 9),
)
def test_an_exported_graph_prepares_images_as_training_does(shape, size, resize, crop, seed):
    preparation = Preparation(size, resize, (28, 28) if crop else None, shape[2])
    image = np.random.default_rng(seed).integers(0, 256, shape, "uint8")
    in_memory, in_graph = preparation(image).astype(int), prepared_in_graph(preparation, tf.constant(image)).numpy()
    assert np.abs(in_memory - in_graph).max() <= 1  # where rounding is a tie


def test_the_middle_is_cut_out_after_resizing():
    whole = prepared(PHOTO, size=(50, 60), channels=3)
    np.testing.assert_array_equal(prepared(PHOTO, size=(50, 60), crop=(30, 40), channels=3), whole[10:40, 10:50])


@pytest.mark.parametrize("size, crop", [((50, 60), (29, 42)), ((51, 60), (30, 60)), ((50, 60), (50, 60))])
def test_what_was_cut_out_goes_back_to_where_it_is_cut_out(size, crop):
    preparation = Preparation(size, "stretch", crop, channels=3)
    images = np.random.default_rng(0).integers(0, 256, (2, *crop, 3), "uint8")
    for image, whole in zip(images, uncropped(images, size), strict=True):
        assert whole.shape[:2] == size
        np.testing.assert_array_equal(preparation(whole), image)


def test_colour_becomes_grey_by_luma_and_grey_becomes_colour_by_repetition():
    grey = prepared(PHOTO, size=(90, 140), channels=1)
    np.testing.assert_allclose(grey[..., 0], PHOTO @ [0.299, 0.587, 0.114], atol=1)
    np.testing.assert_array_equal(prepared(grey, size=(90, 140), channels=3), np.repeat(grey, 3, -1))


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_a_mask_goes_the_way_of_its_image(resize):
    mask = np.zeros((90, 140, 1), "uint8")
    mask[20:60, 30:70] = 255
    preparation = Preparation((64, 48), resize, (32, 32))
    image = preparation(mask)[..., 0]
    small = preparation.mask(mask)
    assert small.shape == (32, 32) and small.any() and not small.all()
    np.testing.assert_array_equal(small, image > 127)


@pytest.mark.parametrize("resize, crop", [("stretch", None), ("pad", None), ("crop", None), ("stretch", (48, 32))])
def test_a_map_is_laid_back_where_it_came_from(resize, crop):
    image = np.zeros((90, 140, 1), "uint8")
    image[30:60, 55:85] = 255
    preparation = Preparation((64, 48), resize, crop)
    back = preparation.undone(preparation(image)[..., 0].astype("float32"), (90, 140))
    assert back.shape == (90, 140) and back.dtype == np.float32
    wrong = (back > 127) != (image[..., 0] > 127)
    assert wrong.sum() <= 4 * 30  # at the edge
    whole = preparation.undone(np.ones(preparation.shape[:2], "float32"), (90, 140))
    assert whole[45, 70] == 1 and (whole[0, 0] == 0) == (crop is not None or resize == "crop")


@settings(deadline=None, max_examples=30)
@given(row=st.integers(0, 255), column=st.integers(0, 255), size=st.sampled_from(((28, 28), (31, 77), (128, 128))))
def test_a_defect_of_one_pixel_is_not_lost(row, column, size):
    mask = np.zeros((256, 256, 1), "uint8")
    assert not Preparation(size).mask(mask).any()
    mask[row, column] = 255
    places = np.argwhere(Preparation(size).mask(mask))
    expected = (np.array([row, column]) + 0.5) * np.array(size) / 256 - 0.5
    assert 1 <= len(places) <= 9 and np.abs(places - expected).max() <= 1.5


def test_a_mask_of_another_size_than_its_image_lands_in_the_same_place():
    small, large = np.zeros((45, 70, 1), "uint8"), np.zeros((90, 140, 1), "uint8")
    small[10:30, 15:35], large[20:60, 30:70] = 255, 255
    preparation = Preparation((32, 32), "pad")
    different = preparation.mask(small) != preparation.mask(large)
    assert different.sum() <= 4 * 20  # at the edge


@pytest.mark.parametrize(
    "options, size, crop, channels",
    [
        ({}, (40, 50), None, 1),
        ({"image_size": (64,)}, (64, 64), None, 1),
        ({"image_size": (64, 96), "crop": (60,)}, (64, 96), (60, 60), 1),
        ({"crop": (30, 40), "channels": "3"}, (40, 50), (30, 40), 3),
    ],
)
def test_from_options(options, size, crop, channels):
    preparation = Preparation.from_options(DataConfig(**options), (40, 50), grey=True)
    assert (preparation.size, preparation.crop, preparation.channels) == (size, crop, channels)
    assert preparation.shape == (*(crop or size), channels)


def test_colour_follows_the_images():
    assert Preparation.from_options(DataConfig(), (40, 50), grey=False).channels == 3
    assert Preparation.from_options(DataConfig(channels="1"), (40, 50), grey=False).channels == 1


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(InputError, match="--crop 60 60 is larger than the image, 40 50; give a smaller"):
        Preparation.from_options(DataConfig(crop=(60,)), (40, 50), grey=True)


# === The same everywhere ===


class Exported(tf.Module):
    """An exported graph that prepares images of any size."""

    def __init__(self, preparation):
        super().__init__()
        self.preparation = preparation

    @tf.function(input_signature=[tf.TensorSpec((None, None, None), tf.uint8)])
    def prepare(self, image):
        return prepared_in_graph(self.preparation, tf.ensure_shape(image, (None, None, self.preparation.channels)))


@pytest.mark.parametrize("resize, crop", [("stretch", None), ("pad", (60, 56)), ("crop", None)])
def test_training_and_an_exported_graph_agree_for_every_format(tmp_path, resize, crop):
    preparation = Preparation((64, 72), resize, crop, 3)
    tf.saved_model.save(Exported(preparation), str(tmp_path / "exported"))
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb = Image.fromarray(PHOTO)
    files = {
        "a.png": rgb, "b.jpg": rgb, "c.bmp": rgb, "d.gif": rgb, "e.webp": rgb, "f.tif": rgb,
        "grey.png": rgb.convert("L"), "alpha.png": rgb.convert("RGBA"), "palette.png": rgb.quantize(16),
        "deep.png": Image.fromarray(PHOTO[..., 0].astype("uint16") * 257), "turned.jpg": rgb,
    }  # fmt: skip
    for name, image in files.items():
        path = tmp_path / name
        image.save(path, **({"exif": exif} if name == "turned.jpg" else {}))
        pixels = decode_file(path)
        trained_on = preparation(pixels)
        in_colour = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        difference = np.abs(np.asarray(exported.prepare(in_colour), int) - trained_on)
        assert difference.max() <= 1 and difference.mean() < 0.002, name
        assert trained_on.shape == preparation.shape and trained_on.dtype == "uint8"


# === As another device might ===


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_gives_the_same_picture_up_to_its_details(kernel):
    preparation = Preparation((45, 70), channels=3)
    found = preparation(PHOTO, kernel=kernel)
    assert found.shape == preparation.shape and found.dtype == "uint8"
    smooth = np.abs(found.astype(int) - preparation(PHOTO))
    assert smooth.mean() < 6
    assert (kernel == KERNELS[0]) == (not smooth.any())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_jittered_image_is_near_the_prepared_one_and_follows_its_seed(channels):
    preparation = Preparation((45, 70), channels=channels)
    first, again, other = (jittered(PHOTO, preparation, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == preparation.shape and np.abs(first.astype(int) - preparation(PHOTO)).mean() < 8
