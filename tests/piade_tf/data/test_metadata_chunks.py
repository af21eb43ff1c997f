"""Sound pixels are read whatever is wrong with the metadata beside them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.decode import UnreadableImageError, decode_bytes
from piade_tf.data.metadata_chunks import without_metadata

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 17, 3), "uint8")


def encoded(kind, **options):
    stream = io.BytesIO()
    Image.fromarray(np.kron(PIXELS, np.ones((8, 8, 1), "uint8"))).save(stream, kind, **options)
    return stream.getvalue()


def chunk(name, body, checksum=None):
    checked = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checked)


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


PNG_CHUNKS = {
    "a text of two megabytes": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * (2 << 20))),
    "a text that is not compressed as it says": chunk(b"zTXt", b"Comment\0\0not zlib"),
    "a text with a wrong checksum": chunk(b"tEXt", b"Author\0me", checksum=1),
    "a profile that is none": chunk(b"iCCP", b"icc\0\0" + b"?" * 9),
    "a time of one byte": chunk(b"tIME", b"\0"),
    "a gamma without a number": chunk(b"gAMA", b""),
    "a resolution cut short": chunk(b"pHYs", b"\0\0"),
    "a transparency of one byte": chunk(b"tRNS", b"\0"),
    "an EXIF that is none": chunk(b"eXIf", b"\xff\xff"),
}
JPEG_SEGMENTS = {
    "EXIF of zeros": segment(0xE1, b"Exif\0\0" + bytes(40)),
    "EXIF that points outside": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f"),
    "an XMP that is no XML": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<<<"),
    "a profile in more parts than there are": segment(0xE2, b"ICC_PROFILE\0\x03\x09xx"),
    "Photoshop's, cut short": segment(0xED, b"Photoshop 3.0\x008BIM\x04"),
    "an MPF directory of nothing": segment(0xE2, b"MPF\0II*\0\x08\0\0\0\x05\0"),
}


@pytest.mark.parametrize("what", PNG_CHUNKS)
def test_a_png_is_read_beside(what):
    content = encoded("PNG")
    broken = content[:33] + PNG_CHUNKS[what] + content[33:]
    np.testing.assert_array_equal(decode_bytes(broken), decode_bytes(content))


@pytest.mark.parametrize("what", JPEG_SEGMENTS)
def test_a_jpeg_is_read_beside(what):
    content = encoded("JPEG")
    broken = content[:2] + JPEG_SEGMENTS[what] + content[2:]
    np.testing.assert_array_equal(decode_bytes(broken), decode_bytes(content))


TIFF_TAGS = {"a description": 270, "a program": 305, "a profile": 34675, "a resolution": 282, "an XMP": 700}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("what", TIFF_TAGS)
def test_a_tiff_is_read_beside_what_lies_outside_the_file(what, order):
    entries = {256: (3, 17), 257: (3, 12), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 8), 274: (3, 6),
               277: (3, 1), 278: (3, 12), 279: (4, 204), TIFF_TAGS[what]: (2, 0xFFFFFFF0)}  # fmt: skip
    body = PIXELS[..., 0].tobytes()
    directory = struct.pack(f"{order}H", len(entries))
    for tag, (kind, value) in sorted(entries.items()):
        count = 9999 if tag == TIFF_TAGS[what] else 1
        packed = struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", value)
        directory += struct.pack(f"{order}HHI", tag, kind, count) + packed
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    turned = np.rot90(PIXELS[..., 0], -1)
    np.testing.assert_array_equal(decode_bytes(start + body + directory + bytes(4))[..., 0], turned)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("what", ["exif", "icc_profile", "xmp"])
def test_what_phones_take_is_read_beside_metadata_of_noise(kind, what):
    content = encoded(kind, **{what: (b"Exif\0\0II*\0" if what == "exif" else b"") + b"\xff\xfe" * 30})
    assert decode_bytes(content).shape == (12 * 8, 17 * 8, 3)


def test_the_orientation_survives_a_broken_text():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded("PNG", exif=exif)
    broken = content[:33] + PNG_CHUNKS["a text of two megabytes"] + content[33:]
    assert decode_bytes(broken).shape == (17 * 8, 12 * 8, 3)


def test_pixels_that_are_broken_stay_refused():
    content = encoded("PNG")
    broken = content[:33] + PNG_CHUNKS["a gamma without a number"] + content[33:-200]
    with pytest.raises(UnreadableImageError, match="is damaged"):
        decode_bytes(broken)


def test_what_is_of_another_kind_or_cut_short_comes_back_as_it_is():
    for content in (b"", b"GIF89a", encoded("BMP"), b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xd8\xff", b"II*\0\x08\0"):
        assert without_metadata(content, keep_exif=False) == content
