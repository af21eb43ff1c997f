"""Patches that a memory bank is chosen from, of however many images, in bounded memory."""

import numpy as np

from piade_tf.workers import ALONE, Workers


class PatchReservoir:
    """Patches in half precision; of more than fit, those of every second image, then of every fourth, and so on.

    Args:
        most: patches that are kept.
    """

    def __init__(self, most: int):
        self._most, self._every = most, 1
        self._kept: dict[int, np.ndarray] = {}  # by the number of the image, ascending

    def add(self, patches: np.ndarray, numbers: np.ndarray) -> None:
        """Counts `(batch, height, width, dim)`, of the images with these `numbers`, `(batch,)`, which only grow."""
        for number, image in zip(numbers.tolist(), patches, strict=True):
            if number % self._every == 0:
                self._kept[number] = image.reshape(-1, image.shape[-1]).astype("float16")
                self._thin()

    def content(self) -> np.ndarray:
        """All that was kept, `(n, dim)`."""
        return np.concatenate(list(self._kept.values()))

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Which of these are of the `chosen` images, `(images,)`, bool."""
        return np.flatnonzero(np.repeat(chosen[list(self._kept)], len(next(iter(self._kept.values())))))

    def of_all(self, workers: Workers) -> "PatchReservoir":
        """The patches of the images of all workers, which numbered them together."""
        if workers is ALONE:
            return self
        own = {}
        if self._kept:
            numbers = np.array(list(self._kept))
            own = {
                "number": numbers,
                "patches": np.stack(list(self._kept.values())),
                "every": numbers * 0 + self._every,
            }
        told, found = workers.joined(own), PatchReservoir(self._most)
        if not told:
            return self
        found._every = int(told["every"].max())
        for place in np.argsort(told["number"]):
            if told["number"][place] % found._every == 0:
                found._kept[int(told["number"][place])] = told["patches"][place]
        found._thin()
        return found

    def _thin(self) -> None:
        while len(self._kept) > 1 and len(self._kept) * len(next(iter(self._kept.values()))) > self._most:
            self._every *= 2
            self._kept = {number: patches for number, patches in self._kept.items() if number % self._every == 0}
