"""The table of exported files in the report of their run, put there once they are made."""

from collections.abc import Sequence
from pathlib import Path

from piade_tf.files import replacing
from piade_tf.report.html_page import TEMPLATES

START, END = '<section id="exported">', "</section>"  # what comes from data has no <


def write_export(
    report: Path, rows: Sequence[Sequence[str]], explanation: str, unusable: Sequence[tuple[str, str]]
) -> None:
    """Writes the page again with these files; leaves it as it is where it is missing or of an earlier version.

    Args:
        report: `report.html` of the run.
        rows: the header, then a row a file.
        explanation: what the columns mean.
        unusable: the name of a file that must not be used, and what became of it: `rejected: it ...`.
    """
    page = report.read_text(encoding="utf-8") if report.exists() else ""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if start and end:
        header, *files = rows
        section = TEMPLATES.get_template("export.html").render(
            header=header, files=files, explanation=explanation, unusable=unusable
        )
        with replacing(report) as temporary:
            temporary.write_text(before + start + section + end + after, encoding="utf-8")
