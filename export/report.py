"""The table at the end of an export."""

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def show_table(manifest: dict[str, Any], target: Path) -> None:
    """Prints a row a file, and where the files are."""
    table = Table("format", "KiB", "AUROC", "loss", "rank", "error", "vector", "ms", "verdict", box=SIMPLE_HEAD)
    for column in table.columns:
        column.no_wrap = True
        column.justify = "left" if column.header in ("format", "verdict") else "right"
    for name, entry in manifest["files"].items():
        loss = entry["image_AUROC_loss"]
        table.add_row(
            name,
            f"{entry['bytes'] / 1024:.0f}",
            "-" if loss is None else f"{entry['image_AUROC']:.4f}",
            "-" if loss is None else f"{loss:.4f}",
            f"{entry['rank_correlation']:.4f}",
            f"{entry['max_score_error']:.2g}",
            f"{entry['vector_agreement']:.3f}",
            f"{entry['latency_ms']['1_thread']['median']:.2f}",
            "ships" if entry["accepted"] else "rejected",
        )
    Console().print(table)
    print(
        f"Compared with Keras on {manifest['n_normal'] + manifest['n_anomalous']} {manifest['compared_on']}. "
        "rank: correlation of the scores; error: the largest of a score;\n"
        "vector: share of images with the same instantiation vector; ms: an image on one thread of this machine."
    )
    for name, entry in manifest["files"].items():
        for reason in entry["reasons"]:
            print(f"rejected: {name} {reason}; see {target / 'rejected'}")
    print(f"Export: {target}")
