"""Imports go one way: `lint-imports` passes, and finds an import that runs back."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path):
    """The packages and their contracts, to be changed."""
    for package in ("layers", "piade_tf", "export"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder):
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_every_contract_is_kept():
    process = lint(ROOT)
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize(
    "path, line, named",
    [
        ("piade_tf/data/pipeline.py", "from piade_tf.model.network import build_network", "piade_tf.model"),
        ("piade_tf/scoring/score_set.py", "from piade_tf.report import terminal", "piade_tf.report"),
        ("layers/checks.py", "from piade_tf.errors import InputError", "piade_tf.errors"),
        ("layers/checks.py", "import tensorflow", "tensorflow"),
    ],
)
def test_an_import_that_runs_back_is_found(copy, path, line, named):
    file = copy / path
    file.write_text(f"{line}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    process = lint(copy)
    assert process.returncode == 1
    assert path.removesuffix(".py").replace("/", ".") in process.stdout and named in process.stdout
