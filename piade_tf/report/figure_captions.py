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
# The same of a run with good images alone.
OF_GOOD_IMAGES = {
    "score_histogram": (
        "Scores of the good images",
        "Histogram of the anomaly scores of the good images, with the threshold.",
        "What is right of the threshold is called anomalous. A good image far from the others may not be good: see the "
        "most unusual ones below.",
    ),
    "anomaly_maps": (
        "Anomaly maps",
        "Good images, their anomaly maps, and the maps over the images.",
        "Good images should stay dark. A bright place that many of them share is where false alarms will come from. "
        "The detector may have learned from these images: maps of new ones are a little brighter.",
    ),
    "reconstructions": (
        "Reconstructions",
        "Good images above their reconstructions, with SSIM.",
        FIGURES["reconstructions"][2],
    ),
}


def figures_in(
    folder: Path, good_only: bool = False, leave_out: tuple[str, ...] = ("mistakes",)
) -> list[tuple[Path, str]]:
    """The PNG files of a folder with their captions: known ones in the order above, then others by name.

    Args:
        folder: may be missing.
        good_only: whether they show good images alone.
        leave_out: names without `.png`; the mistakes have a gallery of their own.
    """
    order = {name: place for place, name in enumerate(FIGURES)}
    paths = [path for path in folder.glob("*.png") if path.stem not in leave_out and not path.name.startswith(".")]
    paths.sort(key=lambda path: (order.get(path.stem, len(order)), path.name))
    return [(path, _words(path, good_only)[2]) for path in paths]


def alt_text(path: Path, good_only: bool = False) -> str:
    """What a figure shows, in words; of an unknown one, its name."""
    return _words(path, good_only)[1]


def figure_title(path: Path, good_only: bool = False) -> str:
    """Of a known figure its title, of another its name in words."""
    return _words(path, good_only)[0]


def _words(path: Path, good_only: bool) -> tuple[str, str, str]:
    name = path.stem.replace("_", " ")
    known = FIGURES | OF_GOOD_IMAGES if good_only else FIGURES
    return known.get(path.stem, (name.capitalize(), f"Figure: {name}.", ""))
