"""The table at the end of an export."""

from pathlib import Path
from typing import Any

HEADER = ("format", "KiB", "AUROC", "loss", "rank", "error", "vector", "ms", "verdict")
ROW = "{:<13}{:>7}{:>8}{:>9}{:>8}{:>9}{:>8}{:>7}  {}"


def show_table(manifest: dict[str, Any], target: Path) -> None:
    """Prints a row a file, and where the files are."""
    print(ROW.format(*HEADER))
    for name, entry in manifest["files"].items():
        loss = entry["image_AUROC_loss"]
        cells = (
            f"{entry['bytes'] / 1024:.0f}",
            "-" if loss is None else f"{entry['image_AUROC']:.4f}",
            "-" if loss is None else f"{loss:.4f}",
            f"{entry['rank_correlation']:.4f}",
            f"{entry['max_score_error']:.1e}",
            f"{entry['vector_agreement']:.3f}",
            f"{entry['latency_ms']['1_thread']['median']:.2f}",
        )
        print(ROW.format(name, *cells, "ships" if entry["accepted"] else "rejected"))
    print(
        f"Compared with Keras on {manifest['n_normal'] + manifest['n_anomalous']} {manifest['compared_on']}. rank: "
        "correlation of the scores.\nerror: the largest of a score. vector: share of images with the same "
        "instantiation vector.\nms: an image on one thread of this machine."
    )
    for name, entry in manifest["files"].items():
        for reason in entry["reasons"]:
            print(f"rejected: {name} {reason}; see {target / 'rejected'}")
    print(f"Export: {target}")
