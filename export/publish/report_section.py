"""The table of an export in the report of its run."""

import json
from pathlib import Path

from export.publish.table import explanation, rows, unusable
from piade_tf.report.export_section import write_export


def add_to_report(report: Path, export: Path) -> None:
    """Writes `report.html` again with the files of an export, if there is one.

    Args:
        report: the page.
        export: the folder of the export, which may be missing.
    """
    if (export / "manifest.json").is_file():
        manifest = json.loads((export / "manifest.json").read_text(encoding="utf-8"))
        write_export(report, rows(manifest), explanation(manifest), unusable(manifest))
