"""Masks as tools write them: the same defect, however it is stored."""

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.decode import UnreadableImageError
from piade_tf.data.mask import SEPARATOR, read_mask, read_masks

DEFECT = np.zeros((24, 32), bool)
DEFECT[3:9, 5:12] = True
SMOOTH = np.clip(np.add.outer(np.arange(24), np.arange(32)) * 5, 0, 255).astype("uint8")


def palette():
    image = Image.fromarray(DEFECT.astype("uint8") * 2, "P")
    image.putpalette([0, 0, 0, 0, 255, 0, 128, 0, 0])  # as VOC: class 2 is dark red
    return image


def class_numbers():
    return Image.fromarray(np.where(DEFECT, np.arange(32, dtype="uint8") % 3 + 1, 0).astype("uint8"))


def in_alpha():
    white = np.full((*DEFECT.shape, 3), 255, "uint8")
    return Image.fromarray(np.dstack([white, DEFECT * np.uint8(255)]))


def beside_opaque_alpha():
    white = np.repeat(DEFECT[..., None] * np.uint8(255), 3, axis=2)
    return Image.fromarray(np.dstack([white, np.full(DEFECT.shape, 255, "uint8")]))


def drawn_on_transparent():
    return Image.fromarray(np.dstack([DEFECT * np.uint8(value) for value in (255, 0, 40, 255)]))


STORED = {
    "0 and 255": Image.fromarray(DEFECT * np.uint8(255)),
    "0 and 1": Image.fromarray(DEFECT.astype("uint8")),
    "one bit": Image.fromarray(DEFECT),
    "16 bit, 0 and 1": Image.fromarray(DEFECT.astype("uint16")),
    "16 bit, 0 and 65535": Image.fromarray(DEFECT * np.uint16(65535)),
    "16 bit, 0 and 4095": Image.fromarray(DEFECT * np.uint16(4095)),
    "two greys": Image.fromarray(np.where(DEFECT, 200, 90).astype("uint8")),
    "numbers of classes": class_numbers(),
    "a palette": palette(),
    "red on black": Image.fromarray(np.dstack([DEFECT * np.uint8(255), *[np.zeros(DEFECT.shape, "uint8")] * 2])),
    "the alpha channel": in_alpha(),
    "an alpha channel that says nothing": beside_opaque_alpha(),
    "white on a transparent ground": drawn_on_transparent(),
    "black and transparent": Image.fromarray(np.dstack([np.zeros(DEFECT.shape, "uint8"), DEFECT * np.uint8(255)])),
}


@pytest.mark.parametrize("how", STORED)
def test_the_same_defect_is_read_however_it_is_stored(tmp_path, how):
    STORED[how].save(tmp_path / "mask.png")
    found = read_mask(tmp_path / "mask.png")
    np.testing.assert_array_equal(found.anomalous, DEFECT)
    assert found.from_alpha == (how in ("the alpha channel", "black and transparent"))
    assert not found.two_ways and not found.faint


def test_shades_are_cut_at_half_of_white_and_sixteen_bits_at_half_of_the_brightest(tmp_path):
    Image.fromarray(SMOOTH).save(tmp_path / "8.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "8.png").anomalous, SMOOTH > 127)
    Image.fromarray(SMOOTH.astype("uint16") * 16).save(tmp_path / "12.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "12.png").anomalous, SMOOTH > 127)


@pytest.mark.parametrize("kind, most", [("int16", 4095), ("int32", 1), ("float32", 1.0), ("float32", 255.0)])
def test_tiffs_of_other_numbers_are_read(tmp_path, kind, most):
    Image.fromarray((DEFECT * most).astype("int32" if kind == "int16" else kind)).save(tmp_path / "mask.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif").anomalous, DEFECT)
    Image.fromarray((SMOOTH / 255).astype("float32")).save(tmp_path / "shades.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "shades.tif").anomalous, SMOOTH > 127)


def test_an_alpha_channel_that_says_something_else_is_told(tmp_path):
    photograph = np.random.default_rng(0).integers(0, 256, (*DEFECT.shape, 3), "uint8")
    for colours, differs in ((photograph, True), (np.repeat(SMOOTH[..., None], 3, 2), True), (None, False)):
        colours = np.repeat(DEFECT[..., None] * np.uint8(255), 3, 2) if colours is None else colours
        Image.fromarray(np.dstack([colours, DEFECT * np.uint8(255)])).save(tmp_path / "mask.png")
        assert read_mask(tmp_path / "mask.png").two_ways == differs


def test_shades_too_dark_to_count_are_told(tmp_path):
    classes = np.where(DEFECT, 200, 0).astype("uint8")
    classes[12:20, 5:12], classes[12:20, 20:28] = 60, 100
    Image.fromarray(classes).save(tmp_path / "classes.png")
    found = read_mask(tmp_path / "classes.png")
    assert found.faint and np.array_equal(found.anomalous, DEFECT)
    soft = np.asarray(Image.fromarray(DEFECT * np.uint8(255)).resize((64, 48), Image.BILINEAR))
    Image.fromarray(soft).save(tmp_path / "soft.png")
    Image.fromarray(soft).save(tmp_path / "soft.jpg")
    assert not read_mask(tmp_path / "soft.png").faint and not read_mask(tmp_path / "soft.jpg").faint


def test_black_in_a_jpeg_is_black_though_it_is_not_quite_0(tmp_path):
    noise = np.random.default_rng(0).integers(0, 9, DEFECT.shape).astype("uint8")
    Image.fromarray(noise).save(tmp_path / "mask.jpg", quality=95)
    assert np.asarray(Image.open(tmp_path / "mask.jpg")).any()
    assert not read_mask(tmp_path / "mask.jpg").anomalous.any()


def test_all_black_is_nothing_and_all_white_is_all(tmp_path):
    for value, share in ((0, 0), (1, 1), (255, 1)):
        Image.new("L", (4, 4), value).save(tmp_path / "mask.png")
        assert read_mask(tmp_path / "mask.png").anomalous.mean() == share


def test_several_masks_of_an_image_are_joined(tmp_path):
    Image.fromarray(DEFECT).save(tmp_path / "000.png")
    Image.fromarray(DEFECT[::-1, ::-1].astype("uint8")).save(tmp_path / "001.png")
    paths = SEPARATOR.join(str(tmp_path / name) for name in ("000.png", "001.png"))
    for given in (paths, paths.encode()):
        joined = read_masks(given)
        assert joined.shape == (24, 32, 1) and joined.dtype == np.uint8
        np.testing.assert_array_equal(joined[..., 0] == 255, DEFECT | DEFECT[::-1, ::-1])
    Image.fromarray(DEFECT.T).save(tmp_path / "002.png")
    with pytest.raises(UnreadableImageError, match="another size"):
        read_masks(f"{paths}{SEPARATOR}{tmp_path / '002.png'}")
