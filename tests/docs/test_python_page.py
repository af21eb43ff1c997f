"""docs/python.md and the README: their Python runs as it stands there, one block after the other."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import piade_tf

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def promised_names() -> list[str]:
    """The names in the first table of the page."""
    table, _, _ = PAGE.read_text(encoding="utf-8").partition("\n## ")
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def run_blocks(blocks: list[str], names: dict) -> str:
    """Runs the blocks in one namespace and returns what they print."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, "page", "exec"), names)
    return printed.getvalue()


@pytest.fixture(scope="module")
def page_run(tmp_path_factory):
    """The folder in which the page was run, the names that it left, and what it printed after the training."""
    folder = tmp_path_factory.mktemp("python_page")
    training, *others = python_blocks(PAGE)
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_blocks([training], names)
        printed = run_blocks(others, names)
    return folder, names, printed


def test_the_seven_names_are_what_the_package_offers():
    assert len(promised_names()) == 7
    assert sorted(promised_names()) == sorted(piade_tf.__all__)


def test_every_promised_name_is_used_on_the_page():
    code = "".join(python_blocks(PAGE))
    imported = re.findall(r"^from piade_tf import (.*)$", code, re.MULTILINE)
    assert sorted(", ".join(imported).split(", ")) == sorted(promised_names())


def test_the_training_leaves_a_run(page_run):
    folder, names, _ = page_run
    assert names["exit_code"] == 0
    assert (folder / "runs" / "digits-3" / "report.html").is_file()


def test_a_prediction_is_what_the_page_says(page_run):
    _, names, _ = page_run
    prediction, detector = names["prediction"], names["detector"]
    height, width, channels = prediction.image.shape
    assert prediction.pred_label == (prediction.pred_score > detector.threshold.value)
    assert 0 <= prediction.percentile <= 100
    assert prediction.anomaly_map.shape == (height, width)
    assert prediction.anomaly_map.dtype == np.float32 and prediction.anomaly_map.min() >= 0
    assert prediction.reconstruction.shape == (height, width, channels)
    assert prediction.reconstruction.dtype == prediction.image.dtype == np.uint8


def test_what_is_wrong_is_printed_and_not_raised(page_run):
    _, _, printed = page_run
    assert re.search(r"^broken\.png \S", printed, re.MULTILINE)
    assert re.search(r"^runs/missing .*\brun directory\b", printed, re.MULTILINE)


def test_the_lines_of_the_readme_run(page_run, monkeypatch):
    folder, _, _ = page_run
    monkeypatch.chdir(folder)
    (folder / "runs" / "bolts").symlink_to("digits-3")
    Image.fromarray(np.zeros((20, 20), "uint8")).save("photo.png")
    score, percentile, verdict, highest = run_blocks(python_blocks(ROOT / "README.md"), {}).split()
    assert np.isfinite(float(score)) and 0 <= float(percentile) <= 100 and verdict in ("normal", "anomalous")
    assert float(highest) >= 0
