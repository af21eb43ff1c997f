"""`README.md` of an export: what an app developer does with it, in ten lines of each language."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from export.formats import REJECTED_FOLDER
from export.publish.verdict import is_outdated, verdict
from piade_tf.files import replacing

ROOT = Path(__file__).resolve().parents[2]
ON_PHONES = ("float32", "float16", "dynamic_int8", "int8")  # those with their score inside
TEMPLATES = Environment(
    loader=PackageLoader("export.publish"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def write_readme(path: Path, run: Path, manifest: dict[str, Any]) -> None:
    """Writes the page.

    Args:
        path: of the page.
        run: the run directory.
        manifest: the content of `manifest.json`.
    """
    with replacing(path) as temporary:
        temporary.write_text(readme(run, manifest), encoding="utf-8", errors="backslashreplace")


def readme(run: Path, manifest: dict[str, Any]) -> str:
    """The page in Markdown."""
    shipped = {name: entry for name, entry in manifest["files"].items() if entry["accepted"]}
    on_phones = (name for name in ON_PHONES if name in shipped)
    name = min(on_phones, key=lambda name: is_outdated(shipped[name]), default=None)
    shape = shipped[name]["signatures"]["inspect"]["inputs"]["image"]["shape"] if name else None
    return TEMPLATES.get_template("README.md").render(
        run=manifest["run"],
        files=[
            (entry["file"], entry["bytes"] / 2**20) for entry in shipped.values() if entry["file"].endswith("tflite")
        ],
        outdated={name: verdict(entry) for name, entry in shipped.items() if is_outdated(entry)},
        name=name,
        batch=shape and shape[0],
        height=shape and shape[1],
        width=shape and shape[2],
        colour=bool(shape and shape[3] == 3),
        docs=_docs(run),
        rejected=REJECTED_FOLDER if len(shipped) < len(manifest["files"]) else None,
    )


def _docs(run: Path) -> str:
    """The way from the export to the pages, where the run lies in a clone; else empty."""
    try:
        inside = (run.resolve() / "export").relative_to(ROOT)
    except ValueError:
        return ""
    return "../" * len(inside.parts) if (ROOT / "docs" / "mobile.md").is_file() else ""
