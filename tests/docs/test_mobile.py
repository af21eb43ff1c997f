"""The code of docs/mobile.md, and the sources that it links to, prepare an image as training does.

What a machine lacks is skipped: Node, the Kotlin compiler (`npm install kotlin-compiler`), and parsers
(`pip install tree-sitter tree-sitter-kotlin tree-sitter-swift`).
"""

import json
import re
import shutil
import struct
import subprocess

import numpy as np
import pytest
from mobile_page import PAGE, SOURCES, blocks

from piade_tf.data.preparation import Preparation

CASES = [
    (Preparation((32, 32), "stretch", None, 3), 64, 64),
    (Preparation((32, 24), "pad", None, 3), 75, 50),
    (Preparation((32, 24), "crop", None, 3), 75, 50),
    (Preparation((39, 39), "stretch", (30, 30), 3), 160, 120),
    (Preparation((39, 39), "stretch", None, 1), 121, 33),
    (Preparation((47, 51), "pad", (32, 25), 1), 83, 194),
    (Preparation((47, 51), "crop", (32, 26), 3), 83, 194),
    (Preparation((50, 75), "pad", None, 1), 20, 16),
    (Preparation((16, 16), "crop", None, 1), 16, 16),
    (Preparation((5, 5), "pad", None, 3), 20, 10),  # 2.5 rows are kept: 2, not 3
]
STAND_INS = sorted((PAGE.parents[1] / "tests" / "docs" / "stand_ins").glob("*.kt"))


def frame(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")


def about(preparation, map_threshold=100.0):
    return {
        "format_version": 1,
        "input": {
            "resize": preparation.resize,
            "resize_to": list(preparation.size),
            "shape": [1, *preparation.shape],
        },
        "threshold": {"value": 127.5},
        "map_threshold": {"value": map_threshold},
    }


def model_with(metadata):
    text = json.dumps(metadata).encode()
    return b"TFL3 PIADEMD1 weights PIADEMD1" + struct.pack("<I", len(text)) + text + b"\0\0"


def assert_prepared_as_in_training(found, preparation, pixels):
    expected = preparation(pixels).astype(int)
    difference = np.abs(np.asarray(found, int).reshape(expected.shape) - expected)
    assert difference.max() <= 1  # where rounding is a tie
    assert np.mean(difference > 0) < 0.002


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
@pytest.mark.parametrize(("preparation", "width", "height"), CASES)
def test_javascript_prepares_an_image_as_training_does(preparation, width, height, tmp_path):
    lines = blocks("JavaScript")[1]
    (tmp_path / "inspector.mjs").write_text(lines[lines.index("function shares") :] + "export {prepared};\n")
    pixels = frame(width, height)
    rgba = np.dstack([pixels, np.full_like(pixels[..., 0], 7)])
    image = {"width": width, "height": height, "data": rgba.ravel().tolist()}
    program = f"""
        import {{prepared}} from './inspector.mjs';
        const found = prepared({json.dumps(image)}, {json.dumps(about(preparation)["input"])});
        console.log(JSON.stringify(Array.from(found)));
    """
    (tmp_path / "run.mjs").write_text(program)
    printed = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert_prepared_as_in_training(json.loads(printed), preparation, pixels)


@pytest.fixture(scope="module")
def inspector_jar(tmp_path_factory):
    """The source in Kotlin, compiled against stand-ins for the classes of Android and LiteRT."""
    jar = tmp_path_factory.mktemp("kotlin") / "inspector.jar"
    subprocess.run(["kotlinc", SOURCES["Kotlin"], *STAND_INS, "-include-runtime", "-d", jar], check=True)
    return jar


@pytest.mark.skipif(not shutil.which("kotlinc"), reason="needs the Kotlin compiler")
@pytest.mark.parametrize(("preparation", "width", "height"), CASES)
def test_kotlin_prepares_an_image_as_training_does_and_judges_it(preparation, width, height, tmp_path, inspector_jar):
    (tmp_path / "model").write_bytes(model_with(about(preparation)))
    pixels = frame(width, height)
    pixels.tofile(tmp_path / "frame")
    command = ["java", "-jar", inspector_jar, "model", str(width), str(height), "frame"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    score, anomalous, heatmap, image = printed.splitlines()
    image = np.array(image.split(), int)
    assert_prepared_as_in_training(image, preparation, pixels)
    assert float(score) == pytest.approx(image.mean(), abs=1e-3)
    assert anomalous == str(image.mean() > 127.5).lower()
    red = np.minimum(127 * image[: preparation.shape[0] * preparation.shape[1]] / 100.0, 255).astype(int)
    assert heatmap.split() == [f"{alpha:02x}ff0000" for alpha in red]


@pytest.mark.skipif(not shutil.which("kotlinc"), reason="needs the Kotlin compiler")
@pytest.mark.parametrize("limit", [0.0, -20.0])
def test_kotlin_draws_all_or_nothing_where_the_limit_is_not_above_0(limit, tmp_path, inspector_jar):
    (tmp_path / "model").write_bytes(model_with(about(CASES[0][0], limit)))
    np.where(np.arange(64 * 64 * 3) < 2000, 0, 200).astype("uint8").tofile(tmp_path / "frame")
    command = ["java", "-jar", inspector_jar, "model", "64", "64", "frame"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    _, _, heatmap, image = printed.splitlines()
    above = np.array(image.split(), int)[: 32 * 32] > limit
    assert heatmap.split() == ["ffff0000" if one else "00ff0000" for one in above]


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
@pytest.mark.parametrize(
    ("limit", "alphas"), [(100.0, [0, 0, 127, 255, 0]), (0.0, [0, 0, 255, 255, 0]), (-20.0, [0, 255, 255, 255, 0])]
)
def test_javascript_draws_all_or_nothing_where_the_limit_is_not_above_0(limit, alphas, tmp_path):
    (tmp_path / "heatmap.mjs").write_text(blocks("JavaScript")[2])
    program = f"""
        import {{heatmap}} from './heatmap.mjs';
        globalThis.ImageData = class {{
            constructor(w, h) {{ this.data = new Uint8ClampedArray(4 * w * h); }}
        }};
        const about = {{input: {{shape: [1, 1, 5, 1]}}, map_threshold: {{value: {limit}}}}};
        const drawn = heatmap(new Float32Array([-30, 0, 100, 300, NaN]), about).data;
        console.log(JSON.stringify([...drawn].filter((_, i) => i % 4 === 3)));
    """
    (tmp_path / "run.mjs").write_text(program)
    printed = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == alphas


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_the_loop_of_javascript_calls_nothing_normal_that_was_not_inspected(tmp_path):
    lines = blocks("JavaScript")[0].partition("\n")[2]
    program = f"""
        const texts = [], answers = [{{anomalous: false}}, null, {{anomalous: true}}];
        const answer = async () => answers.shift() ?? Promise.reject(new Error('lost'));
        const loadInspector = async () => ({{about: {{}}, inspect: answer}}), heatmap = () => null;
        const context2d = {{drawImage() {{}}, getImageData() {{}}, putImageData() {{}}}};
        globalThis.OffscreenCanvas = class {{ getContext() {{ return context2d; }} }};
        const video = {{}}, overlay = new OffscreenCanvas(), verdict = {{}};
        const requestAnimationFrame = (go) => {{
            texts.push(verdict.textContent);
            if (answers.length) go();
            else console.log(texts.join(', '));
        }};
        {lines}
    """
    (tmp_path / "run.mjs").write_text(program)
    printed = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert printed == "normal, not inspected, anomalous\n"


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_the_loop_of_javascript_inspects_whole_frames_and_nothing_before_the_first(tmp_path):
    lines = blocks("JavaScript")[0].partition("\n")[2]
    program = f"""
        const frames = [[0, 0, 0], [4, 3, 1], [4, 3, 2], [3, 4, 2], [5, 5, 4]], seen = [];
        const look = async ({{pixels, black}}) => seen.push(`${{black}} of ${{pixels}} black`) && {{}};
        const loadInspector = async () => ({{about: {{}}, inspect: look}}), heatmap = () => null;
        globalThis.OffscreenCanvas = class {{
            constructor(width, height) {{ Object.assign(this, {{width, height}}); }}
            getContext() {{
                let drawn = 0; // what lies beyond the canvas, or is not there yet, is transparent black
                return {{
                    drawImage: ({{videoWidth: width, videoHeight: height, readyState}}) => {{
                        drawn = readyState < 2 ? 0 : Math.min(width, this.width) * Math.min(height, this.height);
                    }},
                    getImageData: (x, y, width, height) => ({{pixels: width * height, black: width * height - drawn}}),
                    putImageData() {{}},
                }};
            }}
        }};
        const video = {{}}, overlay = new OffscreenCanvas(1, 1), verdict = {{}};
        const next = () => [video.videoWidth, video.videoHeight, video.readyState] = frames.shift();
        const requestAnimationFrame = (go) => {{
            if (verdict.textContent === 'not inspected') seen.push(verdict.textContent);
            if (!frames.length) return console.log(seen.join(', '));
            next();
            go();
        }};
        next();
        {lines}
    """
    (tmp_path / "run.mjs").write_text(program)
    printed = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True).stdout
    whole = "0 of 12 black, 0 of 12 black, 0 of 25 black"
    assert printed == f"not inspected, not inspected, {whole}\n"


@pytest.mark.skipif(not shutil.which("kotlinc"), reason="needs the Kotlin compiler")
def test_kotlin_refuses_a_score_that_is_no_number(tmp_path, inspector_jar):
    (tmp_path / "model").write_bytes(model_with(about(CASES[0][0])))
    (tmp_path / "frame").write_bytes(bytes(3 * 64 * 64))  # black: the stand-in finds no number
    command = ["java", "-jar", inspector_jar, "model", "64", "64", "frame"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1 and "the score is NaN, which is no number" in ended.stderr


LATER = about(CASES[0][0]) | {"format_version": 2, "version": "9.1"}
REFUSED = "metadata of format 2, this code reads 1; use the code of version 9.1"


@pytest.mark.skipif(not shutil.which("kotlinc"), reason="needs the Kotlin compiler")
def test_kotlin_refuses_a_later_format(tmp_path, inspector_jar):
    (tmp_path / "model").write_bytes(model_with(LATER))
    frame(64, 64).tofile(tmp_path / "frame")
    command = ["java", "-jar", inspector_jar, "model", "64", "64", "frame"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1 and REFUSED in ended.stderr


def said_by_javascript(folder, metadata, score):
    """The verdict on a black frame where the network finds that score, or what is said of an error."""
    (folder / "inspector.mjs").write_text(blocks("JavaScript")[1].replace("@litertjs/core", "./stand_in.mjs"))
    (folder / "model").write_bytes(model_with(metadata))
    stand_in = f"""
        export class Tensor {{ delete() {{}} }}
        const found = (value) => ({{data: async () => [value], delete() {{}}}});
        export const loadLiteRt = async () => null;
        export const loadAndCompile = async () => ({{
            run: async () => ({{pred_score: found({score}), anomaly_map: found(0)}}),
        }});
    """
    program = """
        import {readFileSync} from 'node:fs';
        import {loadInspector} from './inspector.mjs';
        globalThis.fetch = async (file) => new Response(readFileSync(file));
        const frame = {width: 1, height: 1, data: [0, 0, 0, 255]};
        const judged = ({anomalous}) => (anomalous ? 'anomalous' : 'normal');
        const found = loadInspector('model').then(({inspect}) => inspect(frame));
        console.log(await found.then(judged, (error) => error.message));
    """
    (folder / "stand_in.mjs").write_text(stand_in)
    (folder / "run.mjs").write_text(program)
    return subprocess.run(["node", "run.mjs"], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_javascript_refuses_a_later_format(tmp_path):
    assert said_by_javascript(tmp_path, LATER, "127") == f"{REFUSED}\n"


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("127", "normal"),
        ("128", "anomalous"),
        ("NaN", "the score is NaN, which is no number; train and export again"),
        ("-Infinity", "the score is -Infinity, which is no number; train and export again"),
    ],
)
def test_javascript_judges_a_score_and_refuses_one_that_is_no_number(score, said, tmp_path):
    assert said_by_javascript(tmp_path, about(CASES[0][0]), score) == f"{said}\n"


def test_swift_refuses_a_score_that_is_no_number_before_it_compares():
    source = SOURCES["Swift"].read_text(encoding="utf-8")
    assert 0 < source.index("guard score.isFinite else { throw") < source.index("Double(score) >")


def test_swift_refuses_a_later_format_before_it_reads_on():
    source = SOURCES["Swift"].read_text(encoding="utf-8")
    assert 0 < source.index("guard format == 1 else {") < source.index("decode(About.self")


def test_swift_makes_a_byte_only_of_what_fits_into_one():
    source = SOURCES["Swift"].read_text(encoding="utf-8")
    assert re.findall(r"level > 0 \? UInt8\(min\(level, 255\)\)|UInt8\(min\(", source) == [
        "level > 0 ? UInt8(min(level, 255))"
    ]


@pytest.mark.parametrize("language", ["Kotlin", "Swift"])
def test_every_block_and_source_is_free_of_mistakes_of_syntax(language):
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = tree_sitter.Language(pytest.importorskip(f"tree_sitter_{language.lower()}").language())
    for block in [*blocks(language), SOURCES[language].read_text(encoding="utf-8")]:
        tree = tree_sitter.Parser(grammar).parse(block.encode())
        assert not tree.root_node.has_error, block


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_every_block_of_javascript_is_free_of_mistakes_of_syntax(tmp_path):
    for block in blocks("JavaScript"):
        (tmp_path / "block.mjs").write_text(block)
        subprocess.run(["node", "--check", "block.mjs"], cwd=tmp_path, check=True)
