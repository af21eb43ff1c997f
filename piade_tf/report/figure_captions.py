"""What the figures of a run show, and what to look for in them."""

from pathlib import Path

# Name of the file: (title; what it shows, for those who cannot see it; what to look for). In the order of a page.
FIGURES = {
    "score_histogram": (
        "Scores",
        "Histogram of the anomaly scores of normal and of anomalous test images.",
        "How far apart normal and anomalous images score. Where they overlap, a threshold makes mistakes, unless both "
        "only share a bin.",
    ),
    "roc": (
        "ROC curve",
        "ROC curve: true positive rate over false positive rate at every threshold.",
        "The left end matters most: how many anomalous images are found while few normal ones are flagged.",
    ),
    "precision_recall": (
        "Precision and recall",
        "Precision over recall at every threshold, with the base rate.",
        "Where precision begins to fall. Compare with the base rate, which is what a detector that guesses has.",
    ),
    "anomaly_maps": (
        "Anomaly maps",
        "Normal and anomalous test images, their anomaly maps, and the maps over the images.",
        "Normal images should stay dark. On anomalous ones, bright places should lie on what is wrong with them.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Normal and anomalous test images above their reconstructions, with SSIM.",
        "From scratch, normal images should be rebuilt well, and defects should not. Behind a pretrained encoder they "
        "stay blurred: the score does not look at them.",
    ),
    "mistakes": (
        "Worst mistakes",
        "The highest scored false alarms and the lowest scored misses.",
        "What the mistakes have in common: an unusual normal image, a defect too small to see, a wrong label.",
    ),
    "training_curves": (
        "Training curves",
        "Terms of the training loss over epochs, for training and validation images.",
        "Whether both curves still fall at the end (train longer), and whether validation turns up (overfitting).",
    ),
}


def figures_in(folder: Path, leave_out: tuple[str, ...] = ("mistakes",)) -> list[tuple[Path, str]]:
    """The PNG files of a folder with their captions: known ones in the order above, then others by name.

    Args:
        folder: may be missing.
        leave_out: names without `.png`; the mistakes have a gallery of their own.
    """
    order = {name: place for place, name in enumerate(FIGURES)}
    paths = [path for path in folder.glob("*.png") if path.stem not in leave_out and not path.name.startswith(".")]
    paths.sort(key=lambda path: (order.get(path.stem, len(order)), path.name))
    return [(path, FIGURES[path.stem][2] if path.stem in FIGURES else "") for path in paths]


def alt_text(path: Path) -> str:
    """What a figure shows, in words; of an unknown one, its name."""
    return FIGURES[path.stem][1] if path.stem in FIGURES else f"Figure: {path.stem.replace('_', ' ')}."


def figure_title(path: Path) -> str:
    """Of a known figure its title, of another its name in words."""
    return FIGURES[path.stem][0] if path.stem in FIGURES else path.stem.replace("_", " ").capitalize()
