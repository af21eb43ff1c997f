"""Decoding: every format and mode gives the pixels that it shows, everything else a reason in plain words."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from piade_tf.data.decode import (
    MAX_PIXELS,
    UnreadableImageError,
    decode,
    decode_bytes,
    decode_file,
    grey_in_colour,
)
from piade_tf.data.mask import read_mask
from piade_tf.data.own_pictures import is_own_picture

RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), "uint8")
GREY = RGB[..., 0]


def encoded(image, name, **options):
    content = io.BytesIO()
    image.save(content, name, **options)
    return content.getvalue()


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_pixels_back(name):
    options = {"lossless": True} if name == "WEBP" else {}
    np.testing.assert_array_equal(decode_bytes(encoded(Image.fromarray(RGB), name, **options)), RGB)


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "GIF", "JPEG"])
def test_grey_files_have_one_channel(name):
    smooth = np.tile(np.arange(64, dtype="uint8")[:, None] * 3, (1, 64))
    pixels = decode_bytes(encoded(Image.fromarray(smooth), name))
    assert pixels.dtype == "uint8"
    if name == "GIF":  # always a palette, which may hold colours
        assert grey_in_colour(pixels)
    else:
        assert pixels.shape == (64, 64, 1)
    np.testing.assert_allclose(pixels[..., 0].astype(int), smooth, atol=3 if name == "JPEG" else 0)


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_pixels_are_those_that_tensorflow_decodes(name):
    smooth = np.stack(np.broadcast_arrays(*np.ogrid[0:200:8, 0:240:5], 90), -1).astype("uint8")
    content = encoded(Image.fromarray(smooth), name)
    expected = tf.io.decode_image(content, channels=3, expand_animations=False).numpy()
    np.testing.assert_allclose(decode_bytes(content).astype(int), expected, atol=0 if name == "PNG" else 4)


def test_alpha_and_palette_become_colour_and_one_bit_becomes_grey():
    opaque = np.dstack([RGB, np.full(GREY.shape, 7, "uint8")])
    found = decode(encoded(Image.fromarray(opaque), "PNG"))
    np.testing.assert_array_equal(found.pixels, RGB)
    assert found.mode == "RGBA"
    few = Image.fromarray(RGB).quantize(8)
    np.testing.assert_array_equal(decode_bytes(encoded(few, "PNG")), np.asarray(few.convert("RGB")))
    bits = GREY > 127
    np.testing.assert_array_equal(decode_bytes(encoded(Image.fromarray(bits), "PNG"))[..., 0], 255 * bits)
    both = Image.merge("LA", [Image.fromarray(GREY)] * 2)
    np.testing.assert_array_equal(decode_bytes(encoded(both, "PNG")), GREY[..., None])


def premultiplied(content):
    """A grey TIFF with alpha (the tag 338, extra samples, is 2), of which the alpha is told to be premultiplied."""
    tag = struct.pack("<HHIH", 338, 3, 1, 2)
    assert content.count(tag) == 1
    return content.replace(tag, tag[:-2] + struct.pack("<H", 1))


def test_grey_with_premultiplied_alpha_is_read_as_an_image_and_as_a_mask(tmp_path):
    grey, opaque = Image.fromarray(GREY), Image.new("L", (17, 12), 255)
    content = premultiplied(encoded(Image.merge("LA", [grey, opaque]), "TIFF"))
    assert Image.open(io.BytesIO(content)).mode == "La"
    np.testing.assert_array_equal(decode_bytes(content), GREY[..., None])
    (tmp_path / "mask.tif").write_bytes(content)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif").anomalous, GREY > 127)


def test_pixels_that_pillow_cannot_convert_are_unreadable(monkeypatch):
    monkeypatch.setattr(Image.Image, "convert", lambda *_: (_ for _ in ()).throw(ValueError("conversion\nfrom X")))
    refused(encoded(Image.fromarray(RGB), "PNG"), "cannot be converted to RGB .conversion from X.; save it")


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_what_phones_take_is_read(name):
    smooth = np.stack(np.broadcast_arrays(*np.ogrid[0:200:4, 0:240:4], 90), -1).astype("uint8")
    pixels = decode_bytes(encoded(Image.fromarray(smooth), name, quality=95))
    assert pixels.shape == smooth.shape
    assert np.abs(pixels.astype(int) - smooth).mean() < 4


def test_portable_greymaps_are_read_in_8_and_16_bits():
    np.testing.assert_array_equal(decode_bytes(encoded(Image.fromarray(GREY), "PPM"))[..., 0], GREY)
    deep = b"P5 2 1 65535\n" + struct.pack(">HH", 257, 65535)
    np.testing.assert_array_equal(decode_bytes(deep)[..., 0], [[1, 255]])


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_bits_in_use_become_eight(bits):
    largest = (1 << bits) - 1
    values = np.array([[0, largest // 3, largest // 2, largest]], "uint16")
    found = decode(encoded(Image.fromarray(values), "PNG"), bits)
    assert found.deepest == largest
    np.testing.assert_array_equal(found.pixels[..., 0], np.round(values * (255 / largest)))


def test_a_jpeg_without_its_end_is_refused_since_nothing_tells_how_much_is_missing():
    content = encoded(Image.fromarray(np.kron(RGB, np.ones((9, 9, 1), "uint8"))), "JPEG")
    refused(content[:-2], "is damaged")


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bit_become_eight(name):
    deep = np.random.default_rng(1).integers(0, 65536, (9, 5)).astype("uint16")
    deep[0, :2] = 0, 65535
    pixels = decode_bytes(encoded(Image.fromarray(deep), name))
    np.testing.assert_array_equal(pixels[..., 0], np.round(deep / 257))


def test_cmyk_becomes_colour():
    assert decode_bytes(encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG")).shape == (12, 17, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation):
    """Written so that, turned as EXIF says, the picture is upright: compared with the tag's definition."""
    upright = np.arange(6, dtype="uint8").reshape(2, 3) * 40
    turns = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
             6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1)}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(np.ascontiguousarray(turns[orientation])), "PNG", exif=exif)
    np.testing.assert_array_equal(decode_bytes(content)[..., 0], upright)


# === What cannot be read ===


def refused(content, message):
    with pytest.raises(UnreadableImageError, match=message) as excinfo:
        decode_bytes(content)
    assert "\n" not in str(excinfo.value)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_a_file_cut_short_is_damaged(name):
    content = encoded(Image.fromarray(np.kron(RGB, np.ones((9, 9, 1), "uint8"))), name)
    refused(content[: len(content) // 2], "is damaged|is no image")


def test_text_and_nothing_are_no_images():
    refused(b"these are notes\n" * 9, "is no image in one of PNG, JPEG")
    refused(b"", "is empty")
    refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no image")


def png_of(width, height):
    """A PNG whose header tells of so many pixels; a few bytes long."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    refused(png_of(50_000, 50_000), "has 50000 x 50000 pixels, more than the 64 megapixels that are read")
    assert MAX_PIXELS < 50_000**2


def test_floating_point_pixels_are_refused_with_advice():
    refused(encoded(Image.fromarray(np.ones((3, 3), "float32")), "TIFF"), "floating-point pixels; save it with")


def test_grey_values_beyond_sixteen_bit_are_refused():
    refused(encoded(Image.fromarray(np.full((3, 3), 70_000, "int32")), "TIFF"), "beyond 16 bit")


def test_paths_that_are_no_readable_files_say_why(tmp_path):
    (tmp_path / "x.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nothing.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in (
        ("x.png", "is a folder"),
        ("link.png", "is a link to nothing"),
        ("gone.png", "does not exist"),
        ("pipe.png", "is empty"),
    ):
        with pytest.raises(UnreadableImageError, match=reason):
            decode_file(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read anything")
def test_a_file_without_read_permission_says_so(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(Image.fromarray(RGB), "PNG"))
    (tmp_path / "x.png").chmod(0)
    with pytest.raises(UnreadableImageError, match="cannot be opened: Permission denied"):
        decode_file(tmp_path / "x.png")


@pytest.mark.parametrize("kind", ["P5", "P2"])
@pytest.mark.parametrize("largest", [1023, 4095, 16383, 65535])
def test_a_pgm_has_the_grey_values_of_the_same_picture_as_a_png(kind, largest):
    values = np.linspace(0, largest, 40).astype("uint16").reshape(5, 8)
    png = encoded(Image.fromarray(values), "PNG")
    pixels = values.astype(">u2").tobytes() if kind == "P5" else " ".join(map(str, values.ravel())).encode()
    pgm = f"{kind}\n8 5\n{largest}\n".encode() + pixels
    for bits in (10, 12, 16):
        found, wanted = decode(pgm, bits), decode(png, bits)
        np.testing.assert_array_equal(found.pixels, wanted.pixels)
        assert (found.deepest, found.beyond) == (wanted.deepest, wanted.beyond)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no list of open files")
def test_folders_among_the_files_do_not_use_up_what_the_system_lets_be_open(tmp_path):
    (tmp_path / "00001_x.png").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(UnreadableImageError):
            decode_file(tmp_path / "00001_x.png")
        assert not is_own_picture(tmp_path / "00001_x.png")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_the_system_refuses_to_open_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", lambda *args: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(UnreadableImageError, match="cannot be opened: Permission denied"):
        decode_file(tmp_path / "x.png")


# === In a pipeline ===
