"""What every score is: a function of an image and the network's outputs, in `keras.ops`, so that it fits any graph."""

import abc
import dataclasses
from typing import Any, ClassVar

Outputs = dict[str, Any]  # what the network returns, by name


@dataclasses.dataclass(frozen=True)
class Score:
    """What a score says of a batch.

    Attributes:
        pred_score: `(batch,)`, float32, at least 0 except for `combined`; higher is more anomalous.
        anomaly_map: `(batch, height, width)`, float32, at least 0, or None where the score has none.
    """

    pred_score: Any
    anomaly_map: Any = None


class ScoreFunction(abc.ABC):
    """One way to score. Called with images in [0, 1] and the network's outputs for them; returns a `Score`."""

    name: ClassVar[str]

    @abc.abstractmethod
    def __call__(self, images, outputs: Outputs) -> Score:
        """Scores `images`, `(batch, height, width, channels)`."""


def map_names(outputs: Outputs) -> list[str]:
    """The names of the encoder's feature maps, finest first."""
    return sorted(name for name in outputs if name.startswith("feature_map_"))
