"""Whether the reconstructions are pictures at all: after too short a training they are flat."""

import numpy as np

# Of that of the images. Whole trainings on dresses, bottles and tiles end at 0.85 to 0.99, a few epochs below 0.2.
LEAST_CONTRAST = 0.25


def contrast_kept(images: np.ndarray, reconstructions: np.ndarray) -> float | None:
    """Standard deviation over the pixels of a reconstruction by that of its image, the median over the images.

    Args:
        images: `(n, height, width, channels)`, float.
        reconstructions: the same shape.

    Returns:
        None where every image is flat itself, or there is none.
    """
    before, after = (pictures.std(axis=(1, 2, 3)) for pictures in (images, reconstructions))
    structured = before > 1e-3
    return float(np.median(after[structured] / before[structured])) if structured.any() else None


def flat_warning(images: np.ndarray, reconstructions: np.ndarray, labels: np.ndarray) -> str | None:
    """A sentence where the reconstructions of the normal images, or of all if none is normal, are almost flat."""
    chosen = labels == 0 if np.any(labels == 0) else np.ones(len(labels), bool)
    kept = contrast_kept(images[chosen], reconstructions[chosen])
    if kept is None or kept >= LEAST_CONTRAST:
        return None
    return (
        f"the reconstructions are almost flat, with {100 * kept:.0f} % of the contrast of the images: the training was "
        "too short (raise --epochs, or --patience where it stopped by itself), or the images are a texture too fine to "
        "rebuild; do not rely on the reconstruction"
    )
