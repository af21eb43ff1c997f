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
        own = (
            {"numbers": np.array(list(self._kept)), "patches": np.stack(list(self._kept.values()))}
            if self._kept
            else {}
        )
        found, told = PatchReservoir(self._most), workers.joined(own)
        for place in np.argsort(told["numbers"]):
            found._kept[int(told["numbers"][place])] = told["patches"][place]
        found._every = int(workers.joined({"every": np.array([self._every])})["every"].max())
        found._kept = {number: patches for number, patches in found._kept.items() if number % found._every == 0}
        found._thin()
        return found

    def _thin(self) -> None:
        while len(self._kept) > 1 and len(self._kept) * len(next(iter(self._kept.values()))) > self._most:
            self._every *= 2
            self._kept = {number: patches for number, patches in self._kept.items() if number % self._every == 0}
