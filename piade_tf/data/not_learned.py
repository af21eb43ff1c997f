"""Test images that a run has learned are no test of it, wherever they lie and whatever they are called."""

from collections.abc import Iterable

import numpy as np

from piade_tf.data.known_images import KnownImage, digests_of
from piade_tf.data.reading import chosen_from
from piade_tf.data.splits import LabelledSplit


def not_learned(test: LabelledSplit, known: Iterable[KnownImage]) -> LabelledSplit:
    """The test images without the good ones that a run has learned or held out, which are told by their pixels.

    An anomalous one stays: it was learned as good, and is rather missed than found.

    Args:
        test: prepared as the run prepares them; each is read once.
        known: what the run knows of its images.
    """
    learned = {one.digest for one in known if one.split != "test"}
    if not learned:
        return test
    seen = np.array([digest in learned for digest in digests_of(test.images.as_numpy_iterator())], bool)
    kept = ~seen | (test.labels == 1)
    return test if kept.all() else chosen_from(test, kept)
