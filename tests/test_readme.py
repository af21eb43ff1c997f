"""The README and the pages: what they tell people to type works, and what they link to is there."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from piade_tf.cli.main import COMMANDS
from piade_tf.cli.parsing import parse, parse_config
from piade_tf.cli.train import train

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(program):
    """Every command of the pages that starts so, without its comment; wrapped lines of text are joined."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
        for line in [line for block in blocks for line in block.splitlines()] + inline:
            if line.startswith(" ".join(program)):
                found.append(shlex.split(line, comments=True)[len(program) :])
    return found


def test_every_training_command_is_understood():
    found = commands(["python", "train.py"])
    assert len(found) >= 12
    for arguments in found:
        if arguments != ["--help"]:
            parse_config(arguments)


def test_every_other_command_is_understood():
    found = [arguments for arguments in commands(["python", "-m", "piade_tf"]) if len(arguments) > 1]
    assert {arguments[0] for arguments in found} <= set(COMMANDS)
    for arguments in found:
        parse(arguments, {name: options for name, (options, _) in COMMANDS.items()})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_lines_of_python_run(tmp_path, monkeypatch, capsys):
    tiny = "--network.widths 8 --network.stem-stride 4 --network.magnifications 1 2 --network.capsule-dim 4"
    options = f"{tiny} --network.vector-dim 8 --network.upsampling 8 --epochs 1 --no-tensorboard --name NAME"
    monkeypatch.chdir(tmp_path)
    train(parse_config(["--export", *options.split()]))
    Image.fromarray(np.zeros((20, 20), "uint8")).save("photo.png")
    capsys.readouterr()
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    score, percentile, verdict, highest = capsys.readouterr().out.split()
    assert np.isfinite(float(score)) and 0 <= float(percentile) <= 100 and verdict in ("True", "False")
    assert float(highest) >= 0
