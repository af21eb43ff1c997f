"""From network and score to the bytes of each format."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.convert import to_litert
from export.flatbuffer import with_block, with_metadata
from export.formats import FORMATS
from export.graph import FeaturesGraph, InspectionGraph, NetworkGraph
from export.outside_score import BLOCK_NAME
from export.quantize import quantize
from export.quantize_throughout import quantize_throughout
from export.refit import refit
from export.rounded_network import rounded
from export.saved_model import SIGNATURES, write_saved_model
from export.score_block import score_block
from piade_tf.config import FormatName, ScoreName
from piade_tf.data import DataSplits
from piade_tf.scorer import Scorer

SIGNATURE = SIGNATURES[0]
REPRESENTATIVE = 100  # calibration images, and training images where those are fewer, for ranges and rounding


@dataclasses.dataclass
class Builder:
    """Makes the files of a run, without measuring them.

    Attributes:
        network, scorer: of the run.
        chosen: the score that decides.
        ssim_window: side of the SSIM window in pixels.
        data: the run's images.
        batch: images that a file takes at a time.
        work: a folder for what is thrown away afterwards.
    """

    network: keras.Model
    scorer: Scorer
    chosen: ScoreName
    ssim_window: int
    data: DataSplits
    batch: int
    work: Path

    def saved_model(self, folder: Path, any_size: bool) -> Path:
        """Writes a SavedModel; returns the folder of its version."""
        preparation = self.data.preparation if any_size else None
        graph = InspectionGraph(self.network, self.scorer, self.chosen, self.batch, preparation)
        return write_saved_model(folder, graph.inspect, as_written=True)

    def litert(self, name: FormatName) -> bytes:
        """A LiteRT model; of its metadata, those that tell how to compute a score outside."""
        kind = FORMATS[name].integer
        if name == "float32":
            return self._float32
        if kind == "throughout":
            return self._in_integers()
        if kind is None:
            return self._with_reduced(self.network, lambda graph: self._converted(graph, half=True))
        images = self._representative
        return self._with_reduced(
            self._rounded, lambda graph: quantize(self._converted(graph), kind, images, SIGNATURE)
        )

    @property
    def float_bytes(self) -> int:
        """The size of `float32`, with which smaller files are compared."""
        return len(self._float32)

    @functools.cached_property
    def _float32(self) -> bytes:
        return self._converted(InspectionGraph(self.network, self.scorer, self.chosen, self.batch).inspect)

    def _converted(self, function: Any, half: bool = False) -> bytes:
        return to_litert(write_saved_model(self.work / "converted", function), SIGNATURE, half)

    def _with_reduced(self, network: keras.Model, reduced: Callable[[Any], bytes]) -> bytes:
        """The inspection graph, reduced, with the score fitted anew to features that are reduced too."""
        scorer = self.scorer
        if self.chosen != "reconstruction":
            graph = FeaturesGraph(network, scorer)
            scorer = self._refitted(reduced(graph.features), graph)
        return reduced(InspectionGraph(network, scorer, self.chosen, self.batch).inspect)

    def _refitted(self, model: bytes, graph: FeaturesGraph | NetworkGraph) -> Scorer:
        return refit(model, graph, self.data.train, self.scorer, self.ssim_window)

    def _in_integers(self) -> bytes:
        graph, model = self._quantized_throughout(1)
        scorer = self.scorer if self.chosen == "reconstruction" else self._refitted(model, graph)
        if self.batch > 1:
            _, model = self._quantized_throughout(self.batch)
        about, block = score_block(scorer, self.chosen, self.network.output, self.ssim_window)
        return with_metadata(with_block(model, BLOCK_NAME, block), {"outside": about})

    def _quantized_throughout(self, batch: int) -> tuple[NetworkGraph, bytes]:
        graph = NetworkGraph(self._rounded, self.scorer, batch)
        images = [np.repeat(image[None], batch, axis=0) for image in self._representative]
        return graph, quantize_throughout(self._converted(graph.inspect), images, SIGNATURE)

    @functools.cached_property
    def _representative(self) -> list[np.ndarray]:
        images = self.data.calibration.images.concatenate(self.data.train.images)
        return list(images.take(REPRESENTATIVE).as_numpy_iterator())

    @functools.cached_property
    def _rounded(self) -> keras.Model:
        return rounded(self.network, self._representative)
