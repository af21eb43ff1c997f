"""The examples prepare an image as training does, read the metadata, and say what is wrong in a line."""

import hashlib
import io
import json
import re
import runpy
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.preparation import Preparation

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "examples"))

from predict_image import prepare  # noqa: E402
from read_metadata import read  # noqa: E402


@pytest.mark.parametrize(
    ("preparation", "width", "height"),
    [
        (Preparation((32, 32), "stretch", None, 3), 64, 64),
        (Preparation((32, 24), "pad", None, 3), 75, 50),
        (Preparation((32, 24), "crop", None, 3), 75, 50),
        (Preparation((39, 39), "stretch", (30, 30), 3), 160, 120),
        (Preparation((47, 51), "pad", (32, 25), 1), 83, 194),
        (Preparation((47, 51), "crop", (32, 26), 3), 83, 194),
        (Preparation((50, 75), "pad", None, 1), 20, 16),
        (Preparation((16, 16), "crop", None, 1), 16, 16),
        (Preparation((5, 5), "pad", None, 3), 20, 10),
    ],
)
def test_an_image_is_prepared_as_in_training(preparation, width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")
    about = {"resize": preparation.resize, "resize_to": list(preparation.size), "shape": [1, *preparation.shape]}
    prepared = prepare(Image.fromarray(pixels), about)
    np.testing.assert_array_equal(prepared[0], preparation(pixels))


def model_with(metadata):
    """Bytes with the metadata inside, as the exporter puts them into a file."""
    text = json.dumps({**metadata, "sha256": "0" * 64}).encode()
    content = b"TFL3 PIADE_METADATA PIADEMD1 weights" + b"PIADEMD1" + struct.pack("<I", len(text)) + text + b"\0\0"
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode())


def test_metadata_are_read(tmp_path):
    (tmp_path / "m.tflite").write_bytes(model_with({"name": "Flasche, grün"}))
    assert read(str(tmp_path / "m.tflite"))["name"] == "Flasche, grün"


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-40], lambda b: b.replace(b"weights", b"Weights"), lambda b: b"", lambda b: b"PIADEMD1"]
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, spoil):
    (tmp_path / "m.tflite").write_bytes(spoil(model_with({})))
    command = [sys.executable, "examples/read_metadata.py", str(tmp_path / "m.tflite")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert re.fullmatch(r"error: .*m\.tflite: .*\n", ended.stderr)


@pytest.mark.parametrize("flip", [1, 2, 16, 128])
def test_a_byte_that_is_changed_in_the_metadata_is_told_as_a_change(tmp_path, flip):
    content = model_with({"name": "a"})
    file = tmp_path / "m.tflite"
    for place in range(content.rindex(b"PIADEMD1"), len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
        with pytest.raises(ValueError, match="m.tflite: changed since it was exported"):
            read(str(file))


def test_pixels_of_more_than_8_bits_are_refused():
    about = {"resize": "stretch", "resize_to": [4, 4], "shape": [1, 4, 4, 1]}
    with pytest.raises(ValueError, match="8 bits"):
        prepare(Image.fromarray(np.full((8, 8), 40000, "uint16")), about)


# === An error is never a verdict ===


def png(width, height, second=b"IDAT"):
    """A PNG of a few black pixels in two chunks; by another name of the second, or another size, it is damaged."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header, pixels = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), zlib.compress(bytes(9 * 8))
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels[:5]) + chunk(second, pixels[5:]) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def two_pages():
    content = io.BytesIO()
    page = Image.new("L", (8, 8))
    page.save(content, "TIFF", save_all=True, append_images=[page])
    return content.getvalue()


PPM = b"P6 8 8 255\n" + bytes(8 * 8 * 3)


class Runtime:
    """A stand-in for LiteRT's interpreter, which finds `score` or raises it, and keeps the image."""

    score: float | Exception = 0.5
    image: np.ndarray

    def __init__(self, _model):
        if isinstance(self.score, Exception):
            raise self.score

    def get_signature_runner(self, _name):
        return self

    def __call__(self, image):
        Runtime.image = image
        return {"pred_score": np.float32([self.score]), "anomaly_map": np.zeros((1, *image.shape[1:3]))}

    def get_output_details(self):
        return {}


@pytest.fixture
def ended(tmp_path, monkeypatch, capsys):
    """The exit code of an example on an image, and what it says of an error."""
    limit = {"value": 1.0, "quantiles": [i / 100 for i in range(101)]}
    entry = {"resize": "stretch", "resize_to": [8, 8], "shape": [1, 8, 8, 1]}

    def run(example, content, score=0.5, **metadata):
        about = {"input": entry, "threshold": limit, "map_threshold": limit, **metadata}
        (tmp_path / "m.tflite").write_bytes(model_with(about))
        (tmp_path / "image").write_bytes(content)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1 << 26)  # as it is without piade_tf
        monkeypatch.setattr(Runtime, "score", score)
        monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", Runtime)
        files = [str(tmp_path / name) for name in ("m.tflite", "image", "heat.png")]
        monkeypatch.setattr(sys, "argv", [example, *files[: 3 if example == "predict_image" else 2]])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(ROOT / "examples" / f"{example}.py"), run_name="__main__")
        return stop.value.code, capsys.readouterr().err

    return run


def test_the_exit_code_of_the_example_is_the_verdict(ended):
    assert ended("predict_image", png(8, 8), score=0.5) == (0, "")
    assert ended("predict_image", png(8, 8), score=2.0) == (1, "")


@pytest.mark.parametrize(("limit", "colour"), [(1.0, (0, 0, 0)), (0.0, (0, 0, 0)), (-20.0, (255, 0, 0))])
def test_places_are_red_above_a_limit_that_is_not_above_0(ended, tmp_path, limit, colour):
    assert ended("predict_image", png(8, 8), map_threshold={"value": limit}) == (0, "")
    assert Image.open(tmp_path / "heat.png").getpixel((3, 3)) == colour


@pytest.mark.parametrize(
    ("content", "score", "named"),
    [
        (png(8, 8, b"\0\0\0\0"), 0.5, "broken PNG file"),
        (png(50_000, 50_000), 0.5, "exceeds limit"),
        (two_pages(), 0.5, "several images in one file"),
        (2 * PPM, 0.5, "may hold several images; save each as PNG or JPEG"),
        (b"no image", 0.5, "cannot identify"),
        (png(8, 8), np.nan, "the score is nan, which is no number"),
        (png(8, 8), RuntimeError("Failed\n to allocate"), "Failed to allocate"),
        (png(8, 8), MemoryError(), "MemoryError"),
    ],
    ids=["damaged", "bomb", "pages", "pictures", "text", "no number", "runtime", "memory"],
)  # fmt: skip
def test_whatever_goes_wrong_is_a_line_and_exit_code_two(ended, content, score, named):
    code, told = ended("predict_image", content, score)
    assert code == 2 and re.fullmatch(f"error: .*{named}.*\n", told)


def test_metadata_without_a_key_are_no_verdict(ended):
    assert ended("predict_image", png(8, 8), threshold={"value": 1.0}) == (2, "error: 'quantiles'\n")


@pytest.mark.parametrize("example", ["predict_image", "score_outside"])
def test_metadata_of_a_later_format_are_no_verdict(ended, example):
    code, told = ended(example, png(8, 8), format_version=2, version="9.1")
    assert code == 2 and re.fullmatch(
        "error: .*m.tflite: metadata of format 2, this code reads 1; use the code of version 9.1\n", told
    )


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (png(8, 8, b"\0\0\0\0"), "broken PNG file"),
        (png(50_000, 50_000), "exceeds limit"),
        (two_pages(), "several images in one file"),
        (2 * PPM, "may hold several images; save each as PNG or JPEG"),
    ],
    ids=["damaged", "bomb", "pages", "pictures"],
)
def test_what_is_no_whole_image_has_no_score_outside_either(ended, content, named):
    code, told = ended("score_outside", content)
    assert code == 2 and re.fullmatch(f"error: .*{named}.*\n", told)


# === Pixels of which the score is computed outside ===

GREY = np.random.default_rng(0).integers(0, 256, (8, 8), "uint8")
OUTSIDE = {"score": "bank", "parts": {}, "statistics": "PIADESC1"}


def written(image, **options):
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return content.getvalue()


def with_palette():
    """GREY, by places in a palette that begins with white."""
    image = Image.fromarray(255 - GREY, "P")
    image.putpalette([255 - place // 3 for place in range(3 * 256)])
    return image


def lying():
    """GREY a quarter turn away, and the turn that puts it right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return written(Image.fromarray(GREY).transpose(Image.Transpose.ROTATE_90), exif=exif)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "content",
    [
        written(Image.fromarray(GREY)),
        written(Image.fromarray(GREY).convert("RGB")),
        written(with_palette()),
        lying(),
    ],
    ids=["grey", "colour", "palette", "lying"],
)
def test_the_score_outside_is_that_of_the_pixels_in_the_channels_of_the_network(ended, content, channels):
    about = {"resize": "stretch", "resize_to": [8, 8], "shape": [1, 8, 8, channels]}
    assert ended("score_outside", content, input=about, outside=OUTSIDE) == (0, "")
    np.testing.assert_array_equal(Runtime.image, np.repeat(GREY[None, ..., None], channels, axis=-1))


def test_the_score_outside_of_a_colour_image_is_that_of_its_grey_in_training(ended):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8")
    assert ended("score_outside", written(Image.fromarray(pixels)), outside=OUTSIDE) == (0, "")
    np.testing.assert_array_equal(Runtime.image[0], Preparation((8, 8), "stretch", None, 1)(pixels))


def test_there_is_no_score_outside_of_pixels_of_more_than_8_bits(ended):
    deep = written(Image.fromarray(np.full((8, 8), 300, "uint16")))
    assert ended("score_outside", deep, outside=OUTSIDE)[0] == 2


# === The inspector with a run ===


@pytest.fixture
def with_run(tmp_path):
    """Puts an app and a run, whose export has float32, into `tmp_path / "app"`."""
    for name in ("dist", "run/export/golden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("the app")
    (tmp_path / "run" / "export" / "float32.tflite").write_bytes(b"the model")
    (tmp_path / "run" / "export" / "manifest.json").write_text('{"files": {"float32": {"accepted": true}}}')

    def run():
        words = ["examples/inspector/with_run.py", *(tmp_path / name for name in ("dist", "app", "run"))]
        return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)

    return run


def test_an_inspector_with_a_run_replaces_an_empty_folder_and_the_one_before(with_run, tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    assert with_run().returncode == 0
    assert (app / "served" / "float32.tflite").read_bytes() == b"the model"
    (app / "script_of_the_one_before.js").touch()
    assert with_run().returncode == 0
    assert sorted(path.name for path in app.iterdir()) == ["index.html", "served"]


@pytest.mark.parametrize("name", ["app", "app/index.html", "app/served/manifest.json"])
def test_an_inspector_with_a_run_deletes_nothing_else(with_run, tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    ended = with_run()
    assert ended.returncode == 2
    assert re.fullmatch(r"error: .*app is there and was not made by this; .*\n", ended.stderr)
    assert file.read_text() == "mine" and len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"files": []}', '{"files": {"float32": 1}}', "{"])
def test_a_manifest_that_is_none_is_told_in_a_line(with_run, tmp_path, manifest):
    (tmp_path / "run" / "export" / "manifest.json").write_text(manifest)
    ended = with_run()
    assert ended.returncode == 2
    assert re.fullmatch(r"error: .*run has no export; piade export .* makes it\n", ended.stderr)
