"""What a score needs besides its statistics to give the same number again; stored with the statistics."""

import dataclasses
from typing import Any, Literal

from piade_tf.config import Kind
from piade_tf.errors import InputError
from piade_tf.scoring.aggregation import Aggregation

FORMAT_VERSION = 2
MapOfParts = Literal["last", "mean", "geometric_mean"]
UNUSUAL = 0.001  # the share of places in good images whose distance is above 1, where distances are scaled


@dataclasses.dataclass(frozen=True)
class LocalParameters:
    """Of `LocalScore`.

    Attributes:
        maps: names of the feature maps whose distances decide, finest first; empty: chosen by their sizes, see
            `finest_maps`.
        shown: of those, the maps whose distances are the anomaly map; empty: all.
        context: side of the neighbourhood, in places, over which features are averaged first.
        components: principal components that are kept of each of `maps`, in their order; None: all channels.
        floor: the least eigenvalue of a covariance, as a share of the mean variance of the map.
        scaled: whether each map's distances are divided by what `UNUSUAL` of those in held-out images exceed, before
            they are averaged.
        aggregation: from distances to one number.
        smoothing: standard deviation of the Gaussian on the enlarged anomaly map, in pixels.
    """

    maps: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    context: int = 1
    components: tuple[int, ...] | None = None
    floor: float = 1e-6
    scaled: bool = False
    aggregation: Aggregation = Aggregation("power", 4.0)
    smoothing: float = 0.0


@dataclasses.dataclass(frozen=True)
class BankParameters:
    """Of `BankScore`.

    Attributes:
        maps: names of the two feature maps that are joined, finest first.
        context: as in `LocalParameters`.
        patches: normal patches that are kept.
        smoothing: standard deviation of the Gaussian on the distances, in places.
        aggregation: from distances to one number.
        map_smoothing: standard deviation of the Gaussian on the enlarged anomaly map, in pixels.
        seed: of the random projection in which patches are chosen.
    """

    maps: tuple[str, ...] = ("feature_map_0", "feature_map_1")
    context: int = 3
    patches: int = 500
    smoothing: float = 1.0
    aggregation: Aggregation = Aggregation("maximum")
    map_smoothing: float = 4.0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class ScoreParameters:
    """Of all scores of a run.

    Attributes:
        ssim_window: side of the SSIM window of the reconstruction score, in pixels.
        local: of the Gaussians at each place.
        bank: of the memory bank; None: there is none.
        pooled: whether there is `PooledScore`.
        combined: the parts of the combined score and their weights.
        combined_map: whether the combined score's map is that of the last part that has one, or a mean of all,
            weighted by `CombinedScore.map_weights`.
        format_version: of the file.
    """

    ssim_window: int
    local: LocalParameters = LocalParameters()
    bank: BankParameters | None = None
    pooled: bool = False
    combined: tuple[tuple[str, float], ...] = (("embedding", 1.0), ("local", 0.5))
    combined_map: MapOfParts = "last"
    format_version: int = FORMAT_VERSION

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that there are."""
        more = [name for name, there in (("bank", self.bank), ("pooled", self.pooled)) if there]
        return ("combined", "reconstruction", "latent", "embedding", "local", *more)

    def check_score(self, name: str) -> None:
        """Raises `InputError` where there is no score of that name."""
        if name not in self.names:
            raise InputError(
                f"--score {name} is not for this encoder and these images: bank is for photographs of parts and pooled "
                f"for classes, both behind a pretrained encoder; choose one of {', '.join(self.names)}"
            )

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ScoreParameters":
        """What `dataclasses.asdict` gave, after JSON.

        Raises:
            KeyError, TypeError: a field is missing or unknown.
        """
        local, bank = dict(content["local"]), content["bank"]
        local["aggregation"] = Aggregation(**local["aggregation"])
        if bank is not None:
            bank = BankParameters(**_tuples({**bank, "aggregation": Aggregation(**bank["aggregation"])}))
        return cls(
            content["ssim_window"],
            LocalParameters(**_tuples(local)),
            bank,
            content.get("pooled", False),  # runs from before there was one
            tuple((name, weight) for name, weight in content["combined"]),
            content["combined_map"],
            content["format_version"],
        )


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def parameters_for(encoder: str, ssim_window: int, kind: Kind) -> ScoreParameters:
    """Those for an encoder by its name, `scratch` or a pretrained one, and for what is told apart."""
    if encoder == "scratch":
        return scratch_parameters(ssim_window)
    return pretrained_parameters(ssim_window) if kind == "parts" else class_parameters(ssim_window)


def scratch_parameters(ssim_window: int) -> ScoreParameters:
    """For an encoder that was trained with the rest. Parts and weights: benchmarks/choose_score.py."""
    return ScoreParameters(ssim_window)


def pretrained_parameters(ssim_window: int) -> ScoreParameters:
    """For a frozen encoder of photographs, with maps of strides 8, 16 and 32: docs/results.md has the comparison."""
    return ScoreParameters(
        ssim_window,
        _pretrained_local(),
        BankParameters(),
        combined=(("bank", 0.5), ("local", 1.0)),
        combined_map="mean",
    )


def class_parameters(ssim_window: int) -> ScoreParameters:
    """For a frozen encoder and one class of objects among others; `local` gives the map and hardly counts."""
    return ScoreParameters(ssim_window, _pretrained_local(), pooled=True, combined=(("pooled", 1.0), ("local", 0.1)))


def _pretrained_local() -> LocalParameters:
    maps = ("feature_map_0", "feature_map_1", "feature_map_2")
    return LocalParameters(
        maps=maps,
        shown=maps[:1],
        context=3,
        components=(20, 32, 32),
        floor=0.1,
        scaled=True,
        aggregation=Aggregation("top", 0.005),
        smoothing=4.0,
    )
