"""A PNG or a JPEG of which a part is lost is refused; what cameras and editors write besides is no loss."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.decode import UnreadableImageError, decode_bytes

COARSE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12, 3), "uint8"))
PICTURE = COARSE.resize((160, 160), Image.Resampling.BICUBIC)
LARGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 1200, 3), "uint8"))


def encoded(name, picture=PICTURE, **options):
    content = io.BytesIO()
    picture.save(content, name, **options)
    return content.getvalue()


def chunk(name, body, checksum=None):
    checked = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checked)


def refused(content):
    with pytest.raises(UnreadableImageError, match="^is damaged: ") as excinfo:
        decode_bytes(content)
    return str(excinfo.value)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("name, picture", [("PNG", PICTURE), ("JPEG", LARGE)])
def test_zeros_in_place_of_the_rest_are_a_loss(name, picture, share):
    content = encoded(name, picture)
    kept = int(len(content) * share)
    refused(content[:kept] + bytes(len(content) - kept))


def test_a_png_with_its_end_but_other_pixels_than_were_written_is_refused():
    content = encoded("PNG")
    for start in (len(content) // 5, len(content) // 2):
        assert refused(content[:start] + bytes(99) + content[start + 99 :]).endswith("checksum of its IDAT is wrong")
    assert refused(content[:-12]).endswith("its end is missing")


def test_the_end_of_a_thumbnail_is_not_that_of_its_jpeg():
    thumbnail = encoded("JPEG", quality=5)
    content = encoded("JPEG", LARGE, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail)
    half = len(content) // 2
    assert content.index(thumbnail) + len(thumbnail) < half
    assert refused(content[:half] + bytes(half)).endswith("its end is missing")


IDAT_AT = 33  # behind the header
BESIDE_PNG = {
    "something behind its end": lambda content: content + b"made by an editor" + bytes(99),
    "a text with a wrong checksum": lambda content: (
        content[:IDAT_AT] + chunk(b"tEXt", b"Author\0me", 1) + content[IDAT_AT:]
    ),
    "a text between pixels and end": lambda content: content[:-12] + chunk(b"iTXt", b"x") + content[-12:],
}
BESIDE_JPEG = {
    "a film behind its end, as in motion photos": lambda content: content + b"\0\0\0\x18ftypmp42" + bytes(999),
    "padding between segments": lambda content: content[:2] + b"\xff" * 9 + content[2:],
    "a segment of a camera": lambda content: content[:2] + b"\xff\xeb\0\x08\xff\xda\xff\xd8" + content[2:],
}


@pytest.mark.parametrize("what", BESIDE_PNG)
def test_a_whole_png_is_read_beside(what):
    content = encoded("PNG")
    np.testing.assert_array_equal(decode_bytes(BESIDE_PNG[what](content)), np.asarray(PICTURE))


@pytest.mark.parametrize("what", BESIDE_JPEG)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_whole_jpeg_is_read_beside(what, options):
    content = encoded("JPEG", **options)
    np.testing.assert_array_equal(decode_bytes(BESIDE_JPEG[what](content)), decode_bytes(content))


def test_a_jpeg_with_pictures_of_a_phone_behind_it_is_read():
    content = encoded("MPO", save_all=True, append_images=[PICTURE.resize((40, 40))])
    assert decode_bytes(content).shape == (160, 160, 3)


def test_an_animated_png_of_one_frame_is_read():
    content = encoded("PNG")
    animation = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 160, 160, 0, 0, 1, 1, 0, 0))
    animated = content[:IDAT_AT] + animation + frame + content[IDAT_AT:]
    np.testing.assert_array_equal(decode_bytes(animated), np.asarray(PICTURE))
