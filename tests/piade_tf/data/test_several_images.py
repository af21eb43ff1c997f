"""A file that holds several images is refused: all but one would go uninspected."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from piade_tf.data.decode import UnreadableImageError, decode_bytes
from piade_tf.data.mask import read_mask
from piade_tf.data.metadata_chunks import without_metadata
from piade_tf.data.tiff_pages import tiff_pages

SIZES = ((16, 12), (16, 12), (8, 6))


def pictures():
    return [Image.new("L", size, 10 + 90 * i) for i, size in enumerate(SIZES)]


def encoded(kind, images, **options):
    content = io.BytesIO()
    images[0].save(content, kind, save_all=True, append_images=images[1:], **options)
    return content.getvalue()


def tiff(*subfile_types, big=False):
    """A TIFF with a page of each subfile type; of None, the page has none."""
    content = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(content, new=True) as pages:
        for kind, image in zip(subfile_types, pictures(), strict=False):
            image.save(pages, "TIFF", tiffinfo={} if kind is None else {254: kind}, big_tiff=big)
            pages.newFrame()
    return content.getvalue()


def big_tiff(*subfile_types):
    """The directories of a BigTIFF with a page of each subfile type."""
    content = b"II+\0" + struct.pack("<HHQ", 8, 0, 16)
    for number, kind in enumerate(subfile_types):
        last = number == len(subfile_types) - 1
        following = 0 if last else len(content) + 36
        content += struct.pack("<QHHQQQ", 1, 254, 4, 1, kind, following)
    return content


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG", "GIF", "HEIF", "AVIF"])
def test_several_images_in_one_file_are_refused(kind):
    first, *others = pictures()
    content = encoded(kind, [first, *(one.resize(first.size) for one in others)])
    with pytest.raises(UnreadableImageError, match="^holds 3 images, of which one would be read; save each as a file"):
        decode_bytes(content)


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG", "GIF", "HEIF", "AVIF"])
def test_one_image_saved_as_a_sequence_is_read(kind):
    assert decode_bytes(encoded(kind, pictures()[:1])).shape[:2] == (12, 16)


def test_masks_of_several_pages_are_refused(tmp_path):
    path = tmp_path / "mask.tif"
    path.write_bytes(tiff(None, None))
    with pytest.raises(UnreadableImageError, match="holds 2 images"):
        read_mask(path)


@pytest.mark.parametrize("types, count", [
    ((None,), 1), ((0,), 1), ((None, None), 2), ((0, 0), 2), ((2, 2, 2), 3),  # 2: a page of several
    ((0, 1), 1), ((0, 1, 1), 1), ((0, 4), 1), ((0, 5), 1), ((0, 1, 0), 2),  # 1: a small copy, 4: a mask
    ((1, 0), 2),  # the small copy would be read, and the picture not
])  # fmt: skip
def test_small_copies_and_masks_in_a_tiff_are_no_pages(types, count):
    content = tiff(*types)
    assert tiff_pages(content) == count
    if count == 1:
        assert (decode_bytes(content) == 10).all()
    else:
        with pytest.raises(UnreadableImageError, match=f"holds {count} images"):
            decode_bytes(content)


def test_pages_of_a_big_tiff_are_counted():
    assert [tiff_pages(big_tiff(*types)) for types in ((0,), (0, 1), (0, 0), (0, 1, 0))] == [1, 1, 2, 2]


def test_a_page_beyond_the_end_of_the_file_was_lost_and_counts():
    assert tiff_pages(tiff(None, None)[: len(tiff(None))]) == 2


def test_directories_in_a_circle_end():
    content = bytearray(big_tiff(0, 0))
    content[-8:] = struct.pack("<Q", 16)
    assert tiff_pages(bytes(content)) == 2


def test_frames_beside_broken_metadata_are_found():
    first, second, _ = pictures()
    content = encoded("PNG", [first, second])
    gamma_without_a_number = struct.pack(">I", 0) + b"gAMA" + struct.pack(">I", zlib.crc32(b"gAMA"))
    with pytest.raises(UnreadableImageError, match="holds 2 images"):
        decode_bytes(content[:33] + gamma_without_a_number + content[33:])


def test_pages_are_still_found_where_metadata_were_taken_out():
    assert tiff_pages(without_metadata(tiff(None, None), keep_exif=False)) == 2


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
@pytest.mark.parametrize("comment", [b"", b"# from the camera P5 1 1 255\n"], ids=["plain header", "comment"])
def test_pictures_that_follow_one_another_in_a_pgm_or_ppm_are_counted(mode, comment):
    content = io.BytesIO()
    Image.new(mode, (17, 12), "white" if mode != "I;16" else 80).save(content, "PPM")
    one = content.getvalue()[:3] + comment + content.getvalue()[3:]
    assert decode_bytes(one).shape[:2] == (12, 17) and decode_bytes(one + b"\nend").shape[:2] == (12, 17)
    for several in (one + one, one + b"\n" + one, one + one[:-1]):
        with pytest.raises(UnreadableImageError, match="holds 2 images"):
            decode_bytes(several)


def test_numbers_in_a_plain_pgm_are_no_further_picture():
    assert decode_bytes(b"P2\n2 2\n255\n5 2 2 255\n").shape == (2, 2, 1)


def test_of_what_phones_store_in_a_jpeg_the_photograph_is_read():
    smooth = Image.fromarray(np.tile(np.arange(0, 240, 5, "uint8"), (30, 1)))
    content = encoded("MPO", [smooth, Image.new("L", (12, 8))])
    assert Image.open(io.BytesIO(content)).n_frames == 2
    np.testing.assert_allclose(decode_bytes(content)[..., 0], smooth, atol=3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_thumbnails_of_a_heic_are_no_images(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = io.BytesIO()
    Image.new("RGB", (640, 480), "red").save(content, "HEIF", thumbnails=[128, 64], exif=exif)
    assert sorted(decode_bytes(content.getvalue()).shape) == [3, 480, 640]
