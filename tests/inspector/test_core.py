"""What the inspector computes without a page is what Python computes: pixels, thresholds, metadata, names."""

import dataclasses
import hashlib
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from piade_tf.data.preparation import Preparation
from piade_tf.evaluation.threshold import fit_threshold, images_needed

PREPARATIONS = [
    (Preparation((32, 32), "stretch", None, 3), 64, 64),
    (Preparation((32, 24), "pad", None, 3), 75, 50),
    (Preparation((32, 24), "crop", None, 3), 75, 50),
    (Preparation((39, 39), "stretch", (30, 30), 1), 160, 120),
    (Preparation((47, 51), "pad", (32, 25), 1), 83, 194),
    (Preparation((47, 51), "crop", (32, 26), 3), 83, 194),
    (Preparation((50, 75), "pad", None, 1), 20, 16),
    (Preparation((16, 16), "crop", None, 1), 16, 16),
    (Preparation((5, 5), "pad", None, 3), 20, 10),
    (Preparation((64, 48), "crop", None, 3), 1280, 720),
    (Preparation((8, 8), "stretch", None, 3), 600, 64),  # rows that shrink by more than two running sums hold at once
]
METADATA = {
    "format_version": 1, "name": "r", "version": "1", "format": "float32", "dataset": "folder", "normal_class": "good",
    "score": "combined",
    "input": {"shape": [1, 8, 8, 1], "dtype": "uint8", "resize": "stretch", "resize_to": [8, 8], "crop": None},
    "threshold": {"value": 1.0, "n": 20, "promised_fpr": 0.05, "quantiles": list(np.linspace(0, 1, 101))},
    "map_threshold": {"value": 1.0, "n": 20, "promised_fpr": None, "quantiles": [1.0] * 101},
}  # fmt: skip


HELD = {  # EXIF's orientation: how a camera stores an upright image, and what undoes it, clockwise, then left for right
    1: (lambda image: image, 0, False),
    2: (lambda image: image[:, ::-1], 0, True),
    3: (lambda image: image[::-1, ::-1], 180, False),
    4: (lambda image: image[::-1], 180, True),
    5: (lambda image: image.swapaxes(0, 1), 90, True),
    6: (lambda image: np.rot90(image), 90, False),
    7: (lambda image: np.rot90(image, 2).swapaxes(0, 1), 270, True),
    8: (lambda image: np.rot90(image, -1), 270, False),
}


@pytest.mark.parametrize("orientation", HELD)
def test_images_are_prepared_as_in_training_whichever_way_they_are_stored(in_node, orientation):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (height, width, 3), "uint8") for _, width, height in PREPARATIONS]
    store, rotation, flip = HELD[orientation]
    blue_first = orientation % 2 == 0

    def stored(frame):
        pixels = store(frame[..., ::-1] if blue_first else frame)
        return np.dstack([pixels, np.full_like(pixels[..., 0], 7)])

    given = [
        {
            "pixels": stored(frame).ravel().tolist(),
            "storedWidth": stored(frame).shape[1],
            "picture": {"width": frame.shape[1], "height": frame.shape[0], "blueFirst": blue_first},
            "turn": [rotation, flip],
            "input": {
                "height": prepare.shape[0],
                "width": prepare.shape[1],
                "channels": prepare.channels,
                "resize": prepare.resize,
                "resizeTo": prepare.size,
            },
        }
        for frame, (prepare, _, _) in zip(frames, PREPARATIONS, strict=True)
    ]
    found = in_node(
        """import {prepare} from './core/prepare.js';
        import {turnOf} from './core/turn.js';
        found = await Promise.all(given.map(async ({pixels, storedWidth, picture, turn, input}) => {
          const data = Uint8ClampedArray.from(pixels);
          const rows = (top, count) => data.slice(4 * top * storedWidth, 4 * (top + count) * storedWidth);
          return Array.from(await prepare({...picture, turn: turnOf(...turn), rows}, input));
        }));""",
        given,
    )
    for frame, (prepare, _, _), image in zip(frames, PREPARATIONS, found, strict=True):
        np.testing.assert_array_equal(np.reshape(image, prepare.shape), prepare(frame))


def test_the_frame_shows_the_part_that_the_network_sees(in_node):
    found = in_node("""import {seen} from './core/prepare.js';
        const base = {height: 32, width: 32, channels: 1, bits: 16};
        found = [['crop', [32, 32]], ['pad', [32, 32]], ['stretch', [64, 64]]].map(([resize, resizeTo]) => {
          const {left, top, width, height} = seen(100, 200, {...base, resize, resizeTo});
          return [left, top, width, height];
        });""")
    assert found == [[50, 0, 100, 100], [0, 0, 200, 100], [50, 25, 100, 50]]


def test_thresholds_follow_the_rule_of_training(in_node):
    rng = np.random.default_rng(1)
    cases = [
        (rate, rng.normal(0, 10.0 ** rng.integers(-3, 4), count).astype("float32").astype(float).tolist())
        for count in (1, 2, 19, 20, 21, 99, 100, 250)
        for rate in (0.01, 0.05, 0.1, 0.29, 1e-7)
    ]
    cases.append((0.1, [1.0] * 30))
    odd = [*rng.normal(0, 1, 24).tolist(), 50.0]  # one photograph stands apart, and must not set the threshold
    promised = [*rng.normal(0, 1, 120).tolist(), 50.0]  # nor where the rate could be promised with it
    cases += [(0.01, odd), (0.05, odd), (0.1, odd), (0.01, odd[-19:]), (0.01, promised), (0.02, promised)]
    found = in_node(
        """import {fitThreshold, imagesNeeded, percentile} from './core/threshold.js';
        found = given.map(([rate, scores]) => {
          const fitted = fitThreshold(rate, scores);
          const asked = [...scores.slice(0, 5), fitted.value + 0.1, scores[0] - 1e9, scores[0] + 1e9];
          const percentiles = asked.map((one) => percentile(one, fitted.quantiles));
          return {...fitted, needed: imagesNeeded(rate), percentiles};
        });""",
        cases,
    )
    for (rate, scores), ours in zip(cases, found, strict=True):
        expected = fit_threshold("fpr", rate, scores)
        assert (ours["value"], ours["promised"], ours["n"]) == (expected.value, expected.promised_fpr, expected.n)
        assert ours["approximate"] == (expected.guarantee == "approximate")
        assert ours["needed"] == images_needed(rate)
        np.testing.assert_allclose(ours["quantiles"], expected.quantiles, rtol=1e-12, atol=1e-12)
        asked = [*scores[:5], expected.value + 0.1, scores[0] - 1e9, scores[0] + 1e9]
        np.testing.assert_allclose(ours["percentiles"], expected.percentile(asked), atol=1e-6)


def test_the_slider_never_promises_more_than_the_scores_keep(in_node):
    rng = np.random.default_rng(2)
    cases = []
    for count in (20, 21, 57, 101, 300):
        scores = np.sort(rng.gamma(2, 1, count))
        cases.append({"scores": scores.tolist(), "quantiles": fit_threshold("max", 0.01, scores).quantiles, "n": count})
    found = in_node(
        """import {allowing} from './core/threshold.js';
        found = given.map((about) => Array.from({length: about.n / 2}, (_, flagged) => allowing(flagged, about)));""",
        cases,
    )
    for case, steps in zip(cases, found, strict=True):
        for flagged, step in enumerate(steps):
            assert np.sum(np.array(case["scores"]) > step["value"] + 1e-12) <= flagged
            assert step["promised"] == pytest.approx((flagged + 1) / (case["n"] + 1))


def test_calibrating_with_learned_photographs_is_warned_of(in_node):
    quantiles = list(range(101))
    learned, too_few, good = [49.9] * 20, [10] * 19, [10] * 19 + [50]
    found = in_node(
        """import {warningOf} from './core/limits.js';
        found = given.cases.map((scores) => warningOf({scores}, given));""",
        {"quantiles": quantiles, "cases": [learned, too_few, good]},
    )
    assert found[0].startswith("Warning: all of them score below the middle") and found[1:] == ["", ""]


def test_a_heatmap_leaves_normal_places_as_they_are(in_node):
    found = in_node(
        """import {heatmap} from './core/heatmap.js';
        found = [...heatmap(Float32Array.from(given), 2)].filter((_, i) => i % 4 === 3);""",
        [0, 1, 1.5, 2, 4, 9],
    )
    assert found == pytest.approx([0, 0, 127 / 8, 127, 254, 255], abs=0.51)


def model_file(metadata, digest=None, magic=b"PIADEMD1", length=None):
    text = json.dumps({"sha256": "0" * 64, **metadata}).encode()
    content = (
        bytes(4) + b"TFL3" + bytes(100) + magic + struct.pack("<I", len(text) if length is None else length) + text
    )
    found = hashlib.sha256(content).hexdigest() if digest is None else digest
    return content.replace(b"0" * 64, found.encode(), 1)


READ = """import {readMetadata} from './core/metadata.js';
    const told = (error) => `${error.constructor.name}: ${error.message}`;
    found = await Promise.all(given.map((hex) =>
      readMetadata(Uint8Array.from(Buffer.from(hex, 'hex'))).catch(told)));"""


def test_the_metadata_are_those_that_the_export_wrote(in_node, exported):
    names = ["float32", "float16", "dynamic_int8", "int8"]
    found = in_node(READ, [(exported.folder / f"{name}.tflite").read_bytes().hex() for name in names])
    for name, about in zip(names, found, strict=True):
        expected = json.loads((exported.folder / f"{name}.json").read_text())
        assert about["format"] == name and about["sha256"] == expected["sha256"]
        assert about["threshold"]["value"] == expected["threshold"]["value"]
        assert about["mapThreshold"]["quantiles"] == expected["map_threshold"]["quantiles"]
        assert [1, about["input"]["height"], about["input"]["width"], about["input"]["channels"]] == expected["input"][
            "shape"
        ]
        assert about["input"]["resizeTo"] == expected["input"]["resize_to"]


def test_a_file_promises_at_most_or_about_as_the_run_does(in_node):
    odd = [*np.arange(30.0), 1e3]
    thresholds = [
        *(fit_threshold("fpr", rate, np.arange(float(n))) for n in (19, 20, 38, 39) for rate in (0.05, 0.2)),
        *(fit_threshold(method, 0.01, odd, folds=folds) for method in ("fpr", "max", "sigma:3") for folds in (0, 10)),
    ]
    found = in_node(READ, [model_file(METADATA | {"threshold": dataclasses.asdict(one)}).hex() for one in thresholds])
    promised = [one for one in zip(found, thresholds, strict=True) if one[1].promised_fpr is not None]
    assert {one.guarantee for _, one in promised} == {"exact", "approximate"}
    for about, one in promised:
        assert about["threshold"]["approximate"] == (one.guarantee == "approximate"), one


def test_what_is_no_model_or_a_changed_one_gets_a_sentence(in_node, exported):
    real = (exported.folder / "float32.tflite").read_bytes()
    changed = bytearray(real)
    changed[len(real) // 2] ^= 1
    quantiles = METADATA["threshold"] | {"quantiles": list(np.linspace(1, 0, 101))}
    hostile = {
        "no .tflite": b"GIF89a not a model",
        "metadata of PIADE-TF": b"\0\0\0\0TFL3" + bytes(50),
        "changed or damaged": bytes(changed),
        "cut short": real[: real.rindex(b"PIADEMD1") + 40],
        "do not end": model_file(METADATA, length=2**32 - 1),
        "cannot be read": model_file(METADATA, length=50),
        "version 2": model_file(METADATA | {"format_version": 2}),
        "int8_full": (exported.folder / "int8_full.tflite").read_bytes(),
        "takes float32": model_file(METADATA | {"input": METADATA["input"] | {"dtype": "float32"}}),
        "shape 1,8,8,2": model_file(METADATA | {"input": METADATA["input"] | {"shape": [1, 8, 8, 2]}}),
        "from 1 to 4096": model_file(METADATA | {"input": METADATA["input"] | {"shape": [1, 10**9, 8, 1]}}),
        "must be a JSON object": model_file(METADATA | {"threshold": [1]}),
        "must not decrease": model_file(METADATA | {"threshold": quantiles}),
        "101 numbers": model_file(METADATA | {"threshold": METADATA["threshold"] | {"quantiles": [1.0]}}),
        "has no name": model_file({key: value for key, value in METADATA.items() if key != "name"}),
    }
    assert in_node(READ, [model_file(METADATA).hex()])[0]["format"] == "float32"  # what the others differ from
    found = in_node(READ, [content.hex() for content in hostile.values()])
    for named, message in zip(hostile, found, strict=True):
        assert message.startswith("Problem: ") and named in message, (named, message)


def test_the_size_of_an_image_is_known_before_it_is_decoded(in_node):
    kinds = {"PNG": {}, "JPEG": {"exif": b"Exif\0\0" + bytes(3000)}, "GIF": {}, "BMP": {}, "WEBP": {"lossless": True}}
    contents = []
    for kind, options in [*kinds.items(), ("WEBP", {})]:
        content = io.BytesIO()
        Image.new("RGB", (321, 123)).save(content, kind, **options)
        contents.append(content.getvalue())
    deep = io.BytesIO()
    Image.fromarray(np.zeros((123, 321), "uint16")).save(deep, "PNG")
    found = in_node(
        """import {readHeader} from './core/image_header.js';
        found = given.map((hex) => readHeader(Uint8Array.from(Buffer.from(hex, 'hex'))));""",
        [content.hex() for content in (*contents, deep.getvalue(), b"%PDF-1.4", b"", contents[1][:30])],
    )
    *images, pdf, nothing, cut = found
    assert [image["size"] for image in images] == [{"width": 321, "height": 123}] * 7
    assert [image["greyBits"] for image in images] == [8] * 6 + [16]
    assert pdf is None and nothing is None and cut["size"] is None


def test_a_table_holds_no_formula_and_an_archive_no_path(in_node):
    names = [
        "=HYPERLINK(1)",
        "+1",
        'a"b,c',
        "../../etc/passwd.png",
        "<img src=x onerror=alert(1)>.png",
        "\u0000\u202e.png",
        "",
    ]
    table, files = in_node(
        """import {csv} from './core/csv.js';
        import {archiveName} from './core/file_name.js';
        found = [csv([given]), given.map((name) => archiveName(7, name, 'image/png'))];""",
        names,
    )
    assert table.startswith('\'=HYPERLINK(1),\'+1,"a""b,c",') and table.endswith("\r\n")
    for name in files:
        assert name.startswith("00007") and name.endswith(".png") and not set(name) & set("/\\<>=()\u202e\0")


def test_what_is_promised_is_rounded_up(in_node):
    found = in_node("""import {promise} from './core/threshold.js';
        found = [1 / 22, 0.05, 1 / 3, 0.001234, 1, null].map((promised) => promise({promised, approximate: false}));
        found.push(promise({promised: 0.05, approximate: true}));""")
    assert [text.split(" %")[0].split()[-1] for text in found[:5]] == ["4.6", "5", "34", "0.13", "100"]
    assert "no rate" in found[5] and "at most" in found[1] and "about" in found[6]
