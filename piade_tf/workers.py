"""The processes that share the work of a training, and what they tell each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Workers:
    """One process that does all of the work: `ALONE`. Those that are several are `training.cluster.ConnectedWorkers`.

    What each worker is given and gives is in the order of the workers. Every method but `share` waits for all of them,
    so that all have to call the same ones in the same order.

    Attributes:
        index: of this worker, from 0.
        count: of all workers.
    """

    index, count = 0, 1

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the run directory."""
        return self.index == 0

    def share(self, total: int) -> range:
        """Which of `total` images are this worker's: neighbours, as many as the others have, or one more."""
        ends = [-(-total * worker // self.count) for worker in (self.index, self.index + 1)]  # the chief's has some
        return range(*ends)

    def added_up(self, values: np.ndarray) -> np.ndarray:
        """The sum of what all workers give, arrays of one shape and dtype: float64, int64 or int32."""
        return values

    def all_told(self, arrays: Arrays) -> list[Arrays]:
        """What each worker gives, arrays by name, of any shape and dtype but object."""
        return [arrays]

    def joined(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """The rows of all workers, one worker's after the other's; a worker without rows gives nothing."""
        told = [one for one in self.all_told(arrays) if one]
        return {name: np.concatenate([one[name] for one in told]) for name in (told[0] if told else ())}

    def of_chief(self, arrays: Arrays) -> Arrays:
        """What worker 0 gives."""
        return self.all_told(arrays if self.is_chief else {})[0]

    def wait(self) -> None:
        """Waits until all workers are here."""
        self.all_told({})


ALONE = Workers()


def rows_of(workers: Workers, counts: Sequence[int]) -> np.ndarray:
    """Where a worker's shares of several sets of images lie in all of them, one set after the other: `(n,)`, int64."""
    starts = np.cumsum([0, *counts[:-1]])
    return np.concatenate(
        [start + np.array(workers.share(count), "int64") for start, count in zip(starts, counts, strict=True)]
    )


def in_order_of(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows of values put where they belong: `rows` says where each lies in the result."""
    found: Any = np.empty_like(values)
    found[rows] = values
    return found
