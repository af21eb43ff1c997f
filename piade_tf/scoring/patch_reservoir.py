"""Patches that a memory bank is chosen from, of however many images, in bounded memory."""

import numpy as np


class PatchReservoir:
    """Patches in half precision; of more than fit, those of every second image, then of every fourth, and so on.

    Args:
        most: patches that are kept.
    """

    def __init__(self, most: int):
        self._most, self._every, self._seen = most, 1, 0
        self._kept: list[np.ndarray] = []

    def add(self, patches: np.ndarray) -> None:
        """Counts `(batch, height, width, dim)`."""
        for image in patches:
            if self._seen % self._every == 0:
                self._kept.append(image.reshape(-1, image.shape[-1]).astype("float16"))
                if len(self._kept) > 1 and len(self._kept) * len(self._kept[0]) > self._most:
                    self._kept, self._every = self._kept[::2], 2 * self._every
            self._seen += 1

    def content(self) -> np.ndarray:
        """All that was kept, `(n, dim)`."""
        return np.concatenate(self._kept)

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Which of these are of the `chosen` images, `(images,)`, bool."""
        return np.flatnonzero(np.repeat(chosen[:: self._every], len(self._kept[0])))
