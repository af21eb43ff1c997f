"""The lines of code on docs/mobile.md, and the sources that it links to."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "mobile.md"
SOURCES = {
    "Kotlin": PAGE.parents[1] / "examples" / "kotlin" / "Inspector.kt",
    "Swift": PAGE.parents[1] / "examples" / "swift" / "Inspector.swift",
}


def blocks(language: str) -> list[str]:
    """What stands in the section of a language: first the lines that call, in JavaScript then inspector and heatmap."""
    page = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {language}\n(.*?)(?=^## )", page, re.DOTALL | re.MULTILINE)
    return re.findall(rf"```{language.lower()}\n(.*?)```", section, re.DOTALL)
