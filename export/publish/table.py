"""The table at the end of an export."""

from pathlib import Path
from typing import Any

from export.publish.manifest import is_measured
from export.publish.verdict import ships, verdict, word

WIDTHS = {"format": "<13", "KiB": ">7", "differ": ">8", "rank": ">8", "error": ">9", "AUROC": ">8", "loss": ">9"}
WIDTHS |= {"ms": ">7", "verdict": ""}
UNKNOWN = "-"


def show_table(manifest: dict[str, Any], target: Path) -> None:
    """Prints a row a file, and where the files are."""
    header, *files = rows(manifest)
    for row in (header, *files):
        *cells, verdict = (format(cell, WIDTHS[name]) for name, cell in zip(header, row, strict=True))
        print(f"{''.join(cells)}  {verdict}")
    print(explanation(manifest))
    if name := manifest.get("fastest"):
        took = manifest["files"][name]["latency_ms"]["1_thread"]["median"]
        print(f"Fastest here: {name}, {took:.1f} ms on one thread of {manifest['machine']['processor']}.")
    for name, reason in rejections(manifest):
        print(f"rejected: {name} {reason}; see {target / 'rejected'}")
    print(f"Export: {target}")


def rows(manifest: dict[str, Any]) -> list[tuple[str, ...]]:
    """The header and a row a file, as text; a column that no file has a value for is left out."""
    table = [dict(zip(WIDTHS, (name, *_cells(entry)), strict=True)) for name, entry in manifest["files"].items()]
    header = tuple(name for name in WIDTHS if any(row[name] != UNKNOWN for row in table))
    return [header, *(tuple(row[name] for name in header) for row in table)]


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    if not is_measured(entry):
        return (*(UNKNOWN for _ in range(len(WIDTHS) - 2)), "rejected")
    loss = entry["image_AUROC_loss"]
    return (
        f"{entry['bytes'] / 1024:.0f}",
        str(entry["verdicts_differ"]),
        f"{entry['rank_correlation']:.4f}",
        f"{entry['median_score_error']:.1e}",
        UNKNOWN if loss is None else f"{entry['image_AUROC']:.4f}",
        UNKNOWN if loss is None else f"{round(loss, 4) + 0.0:.4f}",  # + 0: no -0.0000
        f"{entry['latency_ms']['1_thread']['median']:.2f}",
        word(entry),
    )


def explanation(manifest: dict[str, Any]) -> str:
    """What the columns mean."""
    compared = manifest["compared_on"]
    on_test = "AUROC, and what of it is lost: on the test images, for the report alone. "
    return (
        f"differ: how many verdicts are not the run's, of {compared['validation']} validation images and "
        f"{compared['synthetic_defects']} with synthetic defects.\n"
        f"A file is rejected if surely more than {compared['verdicts_may_differ']:.1%} differ: so many would "
        "with other calibration images, too.\n"
        "rank: correlation of the scores. error: the median, beside the distance to the threshold.\n"
        f"{on_test if 'AUROC' in rows(manifest)[0] else ''}ms: an image on one thread of this machine."
    )


def unusable(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """The name of a file that does not ship, or would not with the threshold of now, and what became of it."""
    return [(name, verdict(entry)) for name, entry in manifest["files"].items() if not ships(entry)]


def rejections(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """The name of a file and why it must not ship, for each reason."""
    return [(name, reason) for name, entry in manifest["files"].items() for reason in entry["reasons"]]
