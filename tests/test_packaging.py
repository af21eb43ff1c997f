"""The wheel, installed into a fresh environment, is all that is needed; the pinned set lies within its ranges."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from PIL import Image

import piade_tf

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("layers", "piade_tf", "export")
TINY = [
    *("--network.widths", "8", "--network.stem-stride", "4", "--network.magnifications", "1", "2"),
    *("--network.capsule-dim", "4", "--network.vector-dim", "8", "--network.upsampling", "8"),
    *("--epochs", "2", "--export", "--no-tensorboard"),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel in an environment of its own, which borrows this one's other packages, and an empty folder."""
    root = tmp_path_factory.mktemp("packaging")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", root, ROOT]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = root.glob("*.whl")
    venv.create(root / "venv")
    python = root / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, timeout=120)
    site = sysconfig.get_path("purelib", vars={"base": str(root / "venv")})
    Path(site, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (root / "elsewhere").mkdir()

    def run(program, *arguments):
        return subprocess.run(
            [root / "venv" / "bin" / program, *arguments],
            cwd=root / "elsewhere",
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=240,
        )

    return SimpleNamespace(run=run, wheel=wheel, folder=root / "elsewhere", site=Path(site))


def test_the_wheel_holds_every_file_of_the_packages_and_no_other_package(installed):
    files = set(zipfile.ZipFile(installed.wheel).namelist())
    here = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert any("templates" in name for name in here)
    assert {name for name in files if ".dist-info/" not in name} == here


def test_it_trains_and_predicts_from_another_directory(installed):
    trained = installed.run("piade", "train", *TINY, "--name", "digits")
    assert (trained.returncode, trained.stderr) == (0, "")
    assert (installed.folder / "runs" / "digits" / "report.html").is_file()
    code = (
        "import piade_tf, layers, export, numpy\n"
        "from piade_tf import Detector\n"
        "detector = Detector.load('runs/digits')\n"
        "(found,) = detector.predict([numpy.zeros((20, 20), 'uint8')])\n"
        "print(piade_tf.__file__, layers.__file__, export.__file__, found.pred_score, sep='\\n')"
    )
    predicted = installed.run("python", "-c", code)
    *homes, score = predicted.stdout.splitlines()
    assert all(Path(home).is_relative_to(installed.site) for home in homes) and len(homes) == 3
    assert float(score) == float(score)
    photo = installed.folder / "photo.png"
    Image.new("L", (20, 20)).save(photo)
    verdict = installed.run("piade", "predict", "runs/digits", photo)
    assert verdict.returncode in (0, 1) and verdict.stderr == "" and str(photo) in verdict.stdout


def test_the_command_is_the_same_as_the_module_and_names_itself(installed):
    command, module = (
        installed.run("piade", "predict", "--help"),
        installed.run("python", "-m", "piade_tf", "predict", "--help"),
    )
    assert "piade predict RUN" in command.stdout and "python -m piade_tf predict RUN" in module.stdout
    assert installed.run("python", "-m", "export", "--help").returncode == 0


def test_the_version_has_one_source(installed):
    code = "import importlib.metadata, piade_tf; print(importlib.metadata.version('piade-tf'), piade_tf.__version__)"
    assert installed.run("python", "-c", code).stdout.split() == [piade_tf.__version__] * 2
    assert "version" not in PROJECT


def test_what_a_program_needs_is_at_the_root():
    assert len(piade_tf.__all__) == 7
    for name in piade_tf.__all__:
        assert getattr(piade_tf, name).__name__ == name
    with pytest.raises(AttributeError, match="detector_of"):
        piade_tf.detector_of  # noqa: B018


def pins(*names):
    """The pinned requirements of the files that hold for this Python."""
    lines = [line for name in names for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    wanted = [re.sub(r"\s*#.*", "", line) for line in lines if line and not line.startswith(("#", "-r"))]
    return [pin for pin in map(Requirement, wanted) if pin.marker is None or pin.marker.evaluate()]


def key(requirement):
    return requirement.name.lower().replace("_", "-")


def test_the_pinned_set_lies_within_the_ranges_and_pins_each_package_once():
    pinned = pins("requirements.txt")
    versions = {key(pin): str(pin.specifier).removeprefix("==") for pin in pinned}
    assert len(versions) == len(pinned)
    ranges = {key(wanted): wanted.specifier for wanted in map(Requirement, PROJECT["dependencies"])}
    assert set(versions) == set(ranges)
    for name, allowed in ranges.items():
        assert versions[name] in allowed, name


def test_the_tools_of_development_are_pinned():
    extra = {key(wanted) for wanted in map(Requirement, PROJECT["optional-dependencies"]["dev"])}
    assert {key(pin) for pin in pins("requirements-dev.txt")} == extra


def test_what_serving_needs_is_pinned_within_its_ranges():
    ranges = {key(wanted): wanted.specifier for wanted in map(Requirement, PROJECT["optional-dependencies"]["serve"])}
    pinned = {key(pin): str(pin.specifier).removeprefix("==") for pin in pins("requirements-serve.txt")}
    assert set(pinned) == set(ranges) and all(pinned[name] in allowed for name, allowed in ranges.items())
