"""The page that lies in an export: ten lines of each language, for the files that ship."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.publish.readme import ROOT, readme

LANGUAGES = ("python", "kotlin", "swift", "javascript")


def page(run=Path("/elsewhere"), channels=3, batch=1, **files):
    image = {"shape": [batch, 40, 30, channels], "dtype": "uint8"}
    signatures = {"inspect": {"inputs": {"image": image}}}
    shipped = {
        name: {"accepted": accepted, "file": f"{name}.tflite", "bytes": 3 << 20, "signatures": signatures}
        for name, accepted in files.items()
    }
    return readme(run, {"run": "bolts", "files": shipped})


def lines(text, language):
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return block


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_about_ten_lines_for_the_file_that_ships(language, channels, tmp_path):
    block = lines(page(channels=channels, float32=False, int8=True), language)
    assert "int8.tflite" in block or '"int8", "tflite"' in block
    assert "float32" not in block and 8 <= len([line for line in block.splitlines() if line]) <= 13
    if language == "python":
        compile(block, "README.md", "exec")
    elif language == "javascript":
        if not shutil.which("node"):
            pytest.skip("needs Node")
        (tmp_path / "block.mjs").write_text(block)
        subprocess.run(["node", "--check", "block.mjs"], cwd=tmp_path, check=True)
    else:
        tree_sitter = pytest.importorskip("tree_sitter")
        grammar = tree_sitter.Language(pytest.importorskip(f"tree_sitter_{language}").language())
        assert not tree_sitter.Parser(grammar).parse(block.encode()).root_node.has_error


def test_the_lines_of_swift_draw_while_the_memory_is_held():
    assert "raw.withUnsafeMutableBytes { CGContext(data: $0.baseAddress," in lines(page(float32=True), "swift")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_asks_whether_the_score_is_a_number_before_it_compares(language):
    block = lines(page(float32=True), language)
    assert 0 < block.lower().index("isfinite") < block.index("> about")


@pytest.fixture
def run_python_lines(tmp_path, monkeypatch):
    """Runs the lines of Python on a red image, with a file of that shape that gives each image that score; returns the
    images that the file got."""

    def run(shape, score):
        given = []

        class Runtime:
            def __init__(self, _model):
                pass

            def get_signature_runner(self, _name):
                return lambda image: given.append(image) or {"pred_score": np.full(len(image), score, "float32")}

        about = {"input": {"shape": shape}, "threshold": {"value": 1.0}}
        (tmp_path / "float32.json").write_text(json.dumps(about))
        (tmp_path / "golden").mkdir()
        Image.new("RGB", (5, 4), "red").save(tmp_path / "golden" / "golden_0.png")
        monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", Runtime)
        monkeypatch.chdir(tmp_path)
        exec(lines(page(batch=shape[0], float32=True), "python"), {})
        return given

    return run


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_the_lines_of_python_refuse_a_score_that_is_no_number(score, run_python_lines):
    with pytest.raises(ValueError, match="is no number"):
        run_python_lines([1, 4, 5, 3], score)


@pytest.mark.parametrize("batch", [1, 2])
def test_the_lines_of_python_give_a_file_as_many_images_as_it_takes(batch, run_python_lines, capsys):
    (images,) = run_python_lines([batch, 4, 5, 3], 2.0)
    assert images.shape == (batch, 4, 5, 3) and (images == [255, 0, 0]).all()
    assert capsys.readouterr().out == "2.0 anomalous\n"


def test_what_a_batch_changes_is_told_where_there_is_one():
    assert "take 8 images at a time" in page(batch=8, float32=True) and "at a time" not in page(float32=True)


def test_files_that_were_rejected_are_named_and_not_recommended():
    assert "rejected/" in page(float32=False, int8=True) and "rejected/" not in page(float32=True)


def test_the_lines_are_for_a_file_that_would_still_ship():
    entry = {"bytes": 1, "signatures": {"inspect": {"inputs": {"image": {"shape": [1, 4, 5, 3]}}}}, "accepted": True}
    files = {
        "float32": entry | {"file": "float32.tflite", "reasons_now": ["is off"]},
        "int8": entry | {"file": "int8.tflite", "reasons_now": []},
    }
    text = readme(Path("/elsewhere"), {"run": "bolts", "files": files})
    assert "`float32` was shipped; with this threshold it is off; export the run again. Do not use it before." in text
    assert "int8.tflite" in lines(text, "python")


def test_a_file_that_leaves_its_score_to_the_host_is_told_as_such():
    text = page(int8_full=True)
    assert "Integers throughout" in text and "```" not in text


def test_the_way_to_the_pages_is_a_link_in_a_clone_and_words_elsewhere():
    (link,) = re.findall(r"\]\((\S+mobile.md)\)", page(ROOT / "runs" / "bolts", float32=True))
    assert (ROOT / "runs" / "bolts" / "export" / link).resolve() == ROOT / "docs" / "mobile.md"
    assert "mobile.md)" not in page(float32=True) and "docs/mobile.md" in page(float32=True)
