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


def page(run=Path("/elsewhere"), channels=3, **files):
    image = {"shape": [1, 40, 30, channels], "dtype": "uint8"}
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_asks_whether_the_score_is_a_number_before_it_compares(language):
    block = lines(page(float32=True), language)
    assert 0 < block.lower().index("isfinite") < block.index("> about")


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_the_lines_of_python_refuse_a_score_that_is_no_number(score, tmp_path, monkeypatch):
    class Runtime:
        def __init__(self, _model):
            pass

        def get_signature_runner(self, _name):
            return lambda image: {"pred_score": np.float32([score])}

    about = {"input": {"shape": [1, 4, 4, 3]}, "threshold": {"value": 1.0}}
    (tmp_path / "float32.json").write_text(json.dumps(about))
    (tmp_path / "golden").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "golden" / "golden_0.png")
    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", Runtime)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is no number"):
        exec(lines(page(float32=True), "python"), {})


def test_files_that_were_rejected_are_named_and_not_recommended():
    assert "rejected/" in page(float32=False, int8=True) and "rejected/" not in page(float32=True)


def test_a_file_that_leaves_its_score_to_the_host_is_told_as_such():
    text = page(int8_full=True)
    assert "Integers throughout" in text and "```" not in text


def test_the_way_to_the_pages_is_a_link_in_a_clone_and_words_elsewhere():
    (link,) = re.findall(r"\]\((\S+mobile.md)\)", page(ROOT / "runs" / "bolts", float32=True))
    assert (ROOT / "runs" / "bolts" / "export" / link).resolve() == ROOT / "docs" / "mobile.md"
    assert "mobile.md)" not in page(float32=True) and "docs/mobile.md" in page(float32=True)
