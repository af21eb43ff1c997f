"""The score's statistics, fitted anew to a quantized network.

A quantized encoder moves the features a little; along directions in which normal features hardly vary that is a long
way. The same Ledoit-Wolf fit to the same training images, through the network that will run on the device, sees the
noise of its integers as part of what is normal.
"""

from collections.abc import Iterator

import keras
import numpy as np

from export.errors import refused
from export.graph import FeaturesGraph, NetworkGraph
from export.outside_score import dequantized
from export.rounding import round_columns
from piade_tf.data import Split
from piade_tf.scorer import Scorer


def refit(
    model: bytes, graph: FeaturesGraph | NetworkGraph, train: Split, validation: Split, ssim_window: int
) -> Scorer:
    """A scorer for the network inside `model`, with whitening matrices in integers of 8 bits.

    Args:
        model: a quantized LiteRT model of `graph`.
        graph: tells where the features are.
        train, validation: the normal images that the run's own scorer was fitted to.
        ssim_window: side of the SSIM window in pixels.

    Raises:
        CannotRun: LiteRT refuses the model.
    """
    scorer = Scorer(ssim_window)
    scorer.fit_gaussians(lambda: _features(model, graph, train))
    put_in_integers(scorer)
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


def put_in_integers(scorer: Scorer) -> None:
    """Rounds the whitening matrices to integers, -127 to 127, with a step for each column at each place.

    Each is rounded for the covariance that it whitens; see `round_columns`.
    """
    for score in scorer.gaussian_scores:
        for name, (mean, whitening) in score.gaussians.items():
            matrices = whitening.astype("float64")
            covariance = np.linalg.inv(matrices @ np.swapaxes(matrices, -2, -1))
            integers, step = round_columns(matrices, covariance)
            score.gaussians[name] = mean, integers.astype("float32")
            score.steps[name] = step.astype("float32")


def _features(model: bytes, graph: FeaturesGraph | NetworkGraph, split: Split) -> Iterator[dict[str, np.ndarray]]:
    from ai_edge_litert.interpreter import Interpreter

    with refused("cannot be run by LiteRT"):
        run = Interpreter(model_content=model).get_signature_runner()
    for image in split.images.as_numpy_iterator():
        with refused("cannot be run by LiteRT"):
            found = run(image=image[None])
        yield graph.features_in(dequantized(run, found))


def _of_score(features: dict[str, np.ndarray], score: str) -> dict[str, np.ndarray]:
    return {name.split("/")[1]: values for name, values in features.items() if name.startswith(f"{score}/")}
