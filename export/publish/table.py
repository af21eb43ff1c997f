"""The table at the end of an export."""

from pathlib import Path
from typing import Any

from export.publish.manifest import is_measured

HEADER = ("format", "KiB", "AUROC", "loss", "rank", "error", "vector", "ms", "verdict")
ROW = "{:<13}{:>7}{:>8}{:>9}{:>8}{:>9}{:>8}{:>7}  {}"


def show_table(manifest: dict[str, Any], target: Path) -> None:
    """Prints a row a file, and where the files are."""
    for row in rows(manifest):
        print(ROW.format(*row))
    print(explanation(manifest))
    for name, reason in rejections(manifest):
        print(f"rejected: {name} {reason}; see {target / 'rejected'}")
    print(f"Export: {target}")


def rows(manifest: dict[str, Any]) -> list[tuple[str, ...]]:
    """The header and a row a file, as text."""
    return [HEADER, *((name, *_cells(entry)) for name, entry in manifest["files"].items())]


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    if not is_measured(entry):
        return (*("-" for _ in HEADER[2:]), "rejected")
    loss = entry["image_AUROC_loss"]
    return (
        f"{entry['bytes'] / 1024:.0f}",
        "-" if loss is None else f"{entry['image_AUROC']:.4f}",
        "-" if loss is None else f"{round(loss, 4) + 0.0:.4f}",  # + 0: no -0.0000
        f"{entry['rank_correlation']:.4f}",
        f"{entry['max_score_error']:.1e}",
        f"{entry['vector_agreement']:.3f}",
        f"{entry['latency_ms']['1_thread']['median']:.2f}",
        "ships" if entry["accepted"] else "rejected",
    )


def explanation(manifest: dict[str, Any]) -> str:
    """What the columns mean."""
    images = manifest["n_normal"] + manifest["n_anomalous"]
    return (
        f"Compared with Keras on {images} {manifest['compared_on']}. loss: of AUROC.\n"
        "rank: correlation of the scores. error: the largest of a score.\n"
        "vector: share of images with the same instantiation vector. ms: an image on one thread of this machine."
    )


def rejections(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """The name of a file and why it must not ship, for each reason."""
    return [(name, reason) for name, entry in manifest["files"].items() for reason in entry["reasons"]]
