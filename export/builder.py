"""From network and score to the bytes of each format."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from export.batches import filled_batches
from export.formats import FORMATS
from export.graph import FeaturesGraph, InspectionGraph, NetworkGraph
from export.host_score.block import score_block
from export.host_score.score import BLOCK_NAME
from export.quantization.full_integer import quantize_throughout
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
QuantizedKind = Literal["weights", "static"]
REPRESENTATIVE = 100  # training images, for the ranges of activations: calibration images serve the threshold alone


@dataclasses.dataclass
class Builder:
    """Makes the files of a run, without measuring them.

    Attributes:
        network, scorer: of the run.
        chosen: the score that decides.
        data: the run's images, without those that joined after its statistics were fitted.
        augment, seed: of the run.
        batch: images that a file takes at a time.
        work: a folder for what is thrown away afterwards.
        in_folds: whether the statistics have the calibration images too.
    """

    network: keras.Model
    scorer: ScoreSet
    chosen: ScoreName
    data: DataSplits
    augment: AugmentName
    seed: int
    batch: int
    work: Path
    in_folds: bool = False

    def saved_model(self, folder: Path, any_size: bool) -> Path:
        """Writes a SavedModel; returns the folder of its version."""
        preparation = self.data.preparation if any_size else None
        graph = InspectionGraph(self.network, self.scorer, self.chosen, self.batch, preparation)
        return write_saved_model(folder, graph.inspect)

    def litert(self, name: FormatName) -> bytes:
        """A LiteRT model; of its metadata, those that tell how to compute a score outside."""
        kind = FORMATS[name].integer
        if name == "float32":
            return self._float32
        if kind is None:
            return self._converted(self._inspection(self.network, self.scorer), half=True)
        if kind == "throughout":
            return self._in_integers()
        return self.quantized(self.network, self.refitted(kind), kind)

    @property
    def float_bytes(self) -> int:
        """The size of `float32`, with which smaller files are compared."""
        return len(self._float32)

    def refitted(self, kind: QuantizedKind) -> ScoreSet:
        """The scorer for the quantized network."""
        return self._refitted(self._features, lambda: self._quantized(self._features.features, kind, 1))

    def quantized(self, network: keras.Model, scorer: ScoreSet, kind: QuantizedKind) -> bytes:
        """The file of a network and a scorer that was fitted to it as `kind` quantizes it."""
        return self._quantized(self._inspection(network, scorer), kind, self.batch)

    def _quantized(self, function: Any, kind: QuantizedKind, batch: int) -> bytes:
        images = filled_batches(self._representative, batch)
        return quantize(self._converted(function), kind, images, SIGNATURE, self._pretrained)

    def _inspection(self, network: keras.Model, scorer: ScoreSet) -> Any:
        return InspectionGraph(network, scorer, self.chosen, self.batch).inspect

    @functools.cached_property
    def _float32(self) -> bytes:
        return self._converted(self._inspection(self.network, self.scorer))

    def _converted(self, function: Any, half: bool = False) -> bytes:
        return to_litert(write_saved_model(self.work / "converted", function), SIGNATURE, half)

    def _refitted(self, graph: FeaturesGraph | NetworkGraph, model: Callable[[], bytes]) -> ScoreSet:
        """The scorer for the network inside the model; the reconstruction has no statistics."""
        if self.chosen == "reconstruction":
            return self.scorer
        images = images_of_statistics(self.data, self.augment, self.seed, self._pretrained, self.in_folds)
        return refit(model(), graph, images, self.scorer)

    def _in_integers(self) -> bytes:
        graph, model = self._quantized_throughout(1)
        scorer = self._refitted(graph, lambda: model)
        if self.batch > 1:
            _, model = self._quantized_throughout(self.batch)
        about, block = score_block(scorer, self.chosen, self.network.output)
        return with_metadata(with_block(model, BLOCK_NAME, block), {"outside": about})

    def _quantized_throughout(self, batch: int) -> tuple[NetworkGraph, bytes]:
        graph = NetworkGraph(self.network, self.scorer, batch)
        images = filled_batches(self._representative, batch)
        return graph, quantize_throughout(self._converted(graph.inspect), images, SIGNATURE)

    @functools.cached_property
    def _features(self) -> FeaturesGraph:
        return FeaturesGraph(self.network, self.scorer)

    @functools.cached_property
    def _representative(self) -> list[np.ndarray]:
        return list(self.data.train.images.take(REPRESENTATIVE).as_numpy_iterator())

    @functools.cached_property
    def _pretrained(self) -> bool:
        return is_pretrained(self.network)
