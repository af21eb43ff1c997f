"""From a map of distances to one number for the image."""

import dataclasses
import math
from typing import Any, Literal

from keras import ops

LARGEST = 1e4  # distance that a power is taken of: its sum over all places stays a float32


@dataclasses.dataclass(frozen=True)
class Aggregation:
    """How the distances at all places become the score of an image.

    Attributes:
        kind: `power`: the mean with an exponent, in which large distances count more, those above 10,000 as that.
            `top`: the mean of the largest share. `maximum`, `mean`: those.
        value: the exponent, or the share in (0, 1]; not looked at for `maximum` and `mean`.
    """

    kind: Literal["mean", "power", "top", "maximum"] = "power"
    value: float = 8.0

    def __call__(self, distances) -> Any:
        """`(batch, height, width)`, at least 0, to `(batch,)`."""
        if self.kind == "maximum":
            return ops.max(distances, axis=(1, 2))
        if self.kind == "mean":
            return ops.mean(distances, axis=(1, 2))
        if self.kind == "power":
            powers = ops.power(ops.minimum(distances, LARGEST), self.value)
            return ops.power(ops.mean(powers, axis=(1, 2)), 1 / self.value)
        places = math.prod(distances.shape[1:3])
        largest, _ = ops.top_k(ops.reshape(distances, (-1, places)), max(1, round(self.value * places)))
        return ops.mean(largest, axis=-1)
