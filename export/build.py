"""From network and score to the bytes of each format."""

import dataclasses
import functools
from pathlib import Path

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
REPRESENTATIVE = 100  # calibration images that the ranges of activations are taken from


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
        float_bytes: size of the last model in floats; a quantized one is compared with it.
    """

    network: keras.Model
    scorer: Scorer
    chosen: ScoreName
    ssim_window: int
    data: DataSplits
    batch: int
    work: Path
    float_bytes: int = 0

    def saved_model(self, folder: Path, any_size: bool) -> Path:
        """Writes a SavedModel; returns the folder of its version."""
        preparation = self.data.preparation if any_size else None
        graph = InspectionGraph(self.network, self.scorer, self.chosen, self.batch, preparation)
        return write_saved_model(folder, graph.inspect, as_written=True)

    def litert(self, name: FormatName) -> bytes:
        """A LiteRT model; of its metadata, those that tell how to compute a score outside."""
        kind = FORMATS[name].integer
        if kind == "throughout":
            return self._in_integers()
        if kind is None:
            return self._converted(self.network, self.scorer, half=name == "float16")
        scorer = self.scorer
        if self.chosen != "reconstruction":
            features = quantize(self._features, kind, self._representative, SIGNATURE)
            scorer = refit(features, self._features_graph, self.data.train, self.data.validation, self.ssim_window)
        return quantize(self._converted(self._rounded, scorer), kind, self._representative, SIGNATURE)

    def _converted(self, network: keras.Model, scorer: Scorer, half: bool = False) -> bytes:
        graph = InspectionGraph(network, scorer, self.chosen, self.batch)
        model = to_litert(write_saved_model(self.work / "inspection", graph.inspect), SIGNATURE, half)
        self.float_bytes = self.float_bytes if half else len(model)
        return model

    def _in_integers(self) -> bytes:
        if not self.float_bytes:
            self._converted(self.network, self.scorer)
        graph, model = self._quantized_throughout(1)
        scorer = self.scorer
        if self.chosen != "reconstruction":
            scorer = refit(model, graph, self.data.train, self.data.validation, self.ssim_window)
        if self.batch > 1:
            _, model = self._quantized_throughout(self.batch)
        about, block = score_block(scorer, self.chosen, self.network.output, self.ssim_window)
        return with_metadata(with_block(model, BLOCK_NAME, block), {"outside": about})

    def _quantized_throughout(self, batch: int) -> tuple[NetworkGraph, bytes]:
        graph = NetworkGraph(self._rounded, self.scorer, batch)
        model = to_litert(write_saved_model(self.work / "network", graph.inspect), SIGNATURE)
        images = [np.repeat(image[None], batch, axis=0) for image in self._representative]
        return graph, quantize_throughout(model, images, SIGNATURE)

    @functools.cached_property
    def _features_graph(self) -> FeaturesGraph:
        return FeaturesGraph(self._rounded, self.scorer)

    @functools.cached_property
    def _features(self) -> bytes:
        graph = self._features_graph
        return to_litert(write_saved_model(self.work / "features", graph.features), SIGNATURE)

    @functools.cached_property
    def _representative(self) -> list[np.ndarray]:
        images = self.data.calibration.images.concatenate(self.data.train.images)
        return list(images.take(REPRESENTATIVE).as_numpy_iterator())

    @functools.cached_property
    def _rounded(self) -> keras.Model:
        return rounded(self.network, self._representative)
