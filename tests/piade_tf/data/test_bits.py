"""Images of sixteen bits, of which a camera uses fewer."""

import struct
import zlib

import numpy as np
import pytest
from folders import SIDE, load, numbered, write
from PIL import Image


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
