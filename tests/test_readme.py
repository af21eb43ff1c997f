"""The README and the pages: what they tell people to type is understood, and what they link to is there."""

import re
import shlex
from pathlib import Path

import pytest

from piade_tf.cli.main import COMMANDS
from piade_tf.cli.parsing import parse

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "examples/cluster/README.md"),
    *sorted((ROOT / "docs").glob("*.md")),
]
LONGEST_README = 1200  # words
# How a command of ours may start, with the words that it stands for at the one front door.
FRONT_DOORS = {"piade": [], "python -m piade_tf": [], "python train.py": ["train"], "python -m export": ["export"]}


def understand(arguments: list[str]) -> None:
    """Raises an error unless the front door understands the arguments. The one place that knows the parser."""
    parse(arguments, {name: options for name, (options, _) in COMMANDS.items()})


def commands_on(page: Path) -> list[list[str]]:
    """The arguments of every command of ours on a page, without comments, those in running text too."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    found = []
    for line in lines:
        for start, stands_for in FRONT_DOORS.items():
            if line.startswith(f"{start} "):
                found.append([*stands_for, *shlex.split(line.removeprefix(start), comments=True)])
    return found


def anchors_of(page: Path) -> set[str]:
    """What a link can have after `#`, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_understood(page):
    for arguments in commands_on(page):
        if len(arguments) == 1 and arguments[0] in COMMANDS and arguments[0] != "train":
            continue  # `piade evaluate` in running text, where only the command is meant
        if "--help" in arguments:
            assert arguments[0] in COMMANDS or arguments == ["--help"]
            continue
        understand([word for word in arguments if word != "..."])


def test_every_command_is_on_a_page():
    assert {arguments[0] for page in PAGES for arguments in commands_on(page)} >= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= LONGEST_README


def test_every_page_is_linked_from_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in text] == []
