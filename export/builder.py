"""From network and score to the bytes of each format."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.formats import FORMATS
from export.graph import FeaturesGraph, InspectionGraph, NetworkGraph
from export.host_score.block import score_block
from export.host_score.score import BLOCK_NAME
from export.quantization.full_integer import quantize_throughout
from export.quantization.gptq_network import rounded
from export.quantization.post_training import quantize
from export.quantization.refit import refit
from export.saved_model import SIGNATURES, write_saved_model
from export.tflite.convert import to_litert
from export.tflite.flatbuffer import with_block, with_metadata
from piade_tf.config import AugmentName, FormatName, ScoreName
from piade_tf.data import DataSplits
from piade_tf.model.network import is_pretrained
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.training.fit_scores import images_of_statistics

SIGNATURE = SIGNATURES[0]
REPRESENTATIVE = 100  # calibration images, and training images where those are fewer, for ranges and rounding


@dataclasses.dataclass
class Builder:
    """Makes the files of a run, without measuring them.

    Attributes:
        network, scorer: of the run.
        chosen: the score that decides.
        data: the run's images.
        augment, seed: of the run.
        batch: images that a file takes at a time.
        work: a folder for what is thrown away afterwards.
    """

    network: keras.Model
    scorer: ScoreSet
    chosen: ScoreName
    data: DataSplits
    augment: AugmentName
    seed: int
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
            features = FeaturesGraph(self.network, self.scorer)
            scorer = self._refitted(features, lambda: self._converted(features.features, half=True))
            return self._converted(InspectionGraph(self.network, scorer, self.chosen, self.batch).inspect, half=True)

        def quantized(model: bytes) -> bytes:
            return quantize(model, kind, self._representative, SIGNATURE, self._pretrained)

        scorer = self._refitted(self._features_graph, lambda: quantized(self._features))
        return quantized(self._converted(InspectionGraph(self._rounded, scorer, self.chosen, self.batch).inspect))

    @property
    def float_bytes(self) -> int:
        """The size of `float32`, with which smaller files are compared."""
        return len(self._float32)

    @functools.cached_property
    def _float32(self) -> bytes:
        return self._converted(InspectionGraph(self.network, self.scorer, self.chosen, self.batch).inspect)

    def _converted(self, function: Any, half: bool = False) -> bytes:
        return to_litert(write_saved_model(self.work / "converted", function), SIGNATURE, half)

    def _refitted(self, graph: FeaturesGraph | NetworkGraph, model: Callable[[], bytes]) -> ScoreSet:
        """The scorer for the network inside the model; the reconstruction has no statistics."""
        if self.chosen == "reconstruction":
            return self.scorer
        images = images_of_statistics(self.data, self.augment, self.seed, self._pretrained)
        return refit(model(), graph, images, self.scorer)

    def _in_integers(self) -> bytes:
        graph, model = self._quantized_throughout(1)
        scorer = self._refitted(graph, lambda: model)
        if self.batch > 1:
            _, model = self._quantized_throughout(self.batch)
        about, block = score_block(scorer, self.chosen, self.network.output)
        return with_metadata(with_block(model, BLOCK_NAME, block), {"outside": about})

    def _quantized_throughout(self, batch: int) -> tuple[NetworkGraph, bytes]:
        graph = NetworkGraph(self._rounded, self.scorer, batch)
        images = [np.repeat(image[None], batch, axis=0) for image in self._representative]
        return graph, quantize_throughout(self._converted(graph.inspect), images, SIGNATURE)

    @functools.cached_property
    def _features_graph(self) -> FeaturesGraph:
        return FeaturesGraph(self._rounded, self.scorer)

    @functools.cached_property
    def _features(self) -> bytes:
        return self._converted(self._features_graph.features)

    @functools.cached_property
    def _representative(self) -> list[np.ndarray]:
        images = self.data.calibration.images.concatenate(self.data.train.images)
        return list(images.take(REPRESENTATIVE).as_numpy_iterator())

    @functools.cached_property
    def _pretrained(self) -> bool:
        return is_pretrained(self.network)

    @functools.cached_property
    def _rounded(self) -> keras.Model:
        """The network whose weights are put in 8 bits; a pretrained one takes rounding to the nearest."""
        return self.network if self._pretrained else rounded(self.network, self._representative)
