"""The lines of code on docs/mobile.md."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "mobile.md"
LANGUAGES = ("Kotlin", "Swift", "JavaScript")


def blocks(language: str) -> list[str]:
    """What stands in the section of a language: the lines that call, the inspector, the heatmap, and others."""
    page = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {language}\n(.*?)(?=^## )", page, re.DOTALL | re.MULTILINE)
    return re.findall(rf"```{language.lower()}\n(.*?)```", section, re.DOTALL)
