"""The score's statistics, fitted anew to a quantized network.

A quantized encoder moves the features a little; along directions in which normal features hardly vary that is a long
way. The same Ledoit-Wolf fit to the same training images, through the network that will run on the device, sees the
noise of its integers as part of what is normal.
"""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np

from export.errors import CannotRun
from export.graph import FeaturesGraph
from export.quantize import WEIGHT_BITS
from piade_tf.data import Split
from piade_tf.scorer import Scorer


def refit(model: bytes, graph: FeaturesGraph, train: Split, validation: Split, ssim_window: int) -> Scorer:
    """A scorer for the network inside `model`.

    Args:
        model: a quantized LiteRT model of `graph`.
        graph: tells the names of the features.
        train, validation: the normal images that the run's own scorer was fitted to.
        ssim_window: side of the SSIM window in pixels.

    Raises:
        CannotRun: LiteRT refuses the model.
    """
    scorer = Scorer(ssim_window)
    scorer.fit_gaussians(lambda: _features(model, graph, train), WEIGHT_BITS)
    outputs = graph.network.output

    def scores() -> Iterator[dict[str, np.ndarray]]:
        for features in _features(model, graph, validation):
            yield {
                score.name: keras.ops.convert_to_numpy(
                    score.of_features(_of_score(features, score.name), outputs).pred_score
                )
                for score in scorer.gaussian_scores
            }

    scorer.fit_standards(scores())
    return scorer


def _features(model: bytes, graph: FeaturesGraph, split: Split) -> Iterator[dict[str, np.ndarray]]:
    from ai_edge_litert.interpreter import Interpreter

    with _refusals():
        run = Interpreter(model_content=model).get_signature_runner()
    for image in split.images.as_numpy_iterator():
        with _refusals():
            found = run(image=image[None])
        yield {feature: found[name] for name, feature in graph.names.items()}


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CannotRun(f"cannot be run by LiteRT ({reason}); train longer, or leave it out of --formats") from None


def _of_score(features: dict[str, np.ndarray], score: str) -> dict[str, np.ndarray]:
    return {name.split("/")[1]: values for name, values in features.items() if name.startswith(f"{score}/")}
