"""What a file would say of good images by statistics of others, where the run knows that of itself.

Every good image has a part in the statistics of run and file, and scores lower than a new one would. The run has scored
it in folds, without itself. To do the same for a file would take its statistics, through its quantized network, once
for each fold and format. Instead the run's own scores are carried over: by the straight line between what run and file
say of the same images, good ones and ones with synthetic defects, so that it is known where thresholds lie; and with
what the file says of each image besides.
"""

import numpy as np
from scipy.stats import theilslopes

from export.verification.compared_images import ComparedImages

MOST = 1000  # images that the line is fitted to, which takes memory for each pair of them


def out_of_fold(images: ComparedImages, run: np.ndarray, file: np.ndarray, by_run: np.ndarray) -> np.ndarray:
    """The scores of a file, of the calibration images by statistics of others; test images have no say in it.

    Args:
        images: that were scored.
        run, file: `(n,)`, what they say of all of them.
        by_run: of the calibration images, `(m,)`, what the run says by statistics of others.

    Returns:
        `(n,)`, float32.
    """
    known = slice(0, images.changed.stop)
    carried = carried_over(run[known], file[known], images.calibration, by_run, _of_line(images.changed))
    return np.concatenate([carried, file[images.calibration.stop :]]).astype("float32")


def _of_line(changed: slice) -> np.ndarray:
    """Indices of the images that the line is fitted to: all, or of many some good ones and all with defects."""
    good = np.arange(changed.start)
    most = MOST - (changed.stop - changed.start)
    if len(good) > most:
        good = np.random.default_rng(0).choice(good, most, replace=False)
    return np.concatenate([good, np.arange(changed.start, changed.stop)])


def carried_over(
    run: np.ndarray, file: np.ndarray, good: slice, by_run: np.ndarray, of_line: np.ndarray | slice = slice(None)
) -> np.ndarray:
    """Scores of good images as a file would give them by statistics of others, `(m,)`.

    Args:
        run, file: `(n,)`, what they say of the same images, the good ones and others.
        good: which of them are the good ones.
        by_run: as in `out_of_fold`.
        of_line: which of them the line is fitted to.

    Source of the line: Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968; a few images that
    the file sees differently do not move it.
    """
    run, file = run.astype("float64"), file.astype("float64")
    slope, offset = 1.0, float(np.median(file - run))
    if np.ptp(run[of_line]):
        slope, offset, *_ = theilslopes(file[of_line], run[of_line])
    besides = file[good] - (offset + slope * run[good])
    return offset + slope * by_run + besides
