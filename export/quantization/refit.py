"""The score's statistics, fitted anew to a quantized network.

A quantized encoder moves the features a little; along directions in which normal features hardly vary that is a long
way. The same Ledoit-Wolf fit to the same training images, through the network that will run on the device, sees the
noise of its integers as part of what is normal.

A memory bank keeps its places: the same patches of the same images, as the quantized network sees them. Chosen anew,
greedily, they would be others, and would rank normal images as differently as another training does.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from export.graph import FeaturesGraph, NetworkGraph
from export.host_score.score import dequantized
from export.quantization.eight_bits import rounded_columns
from export.refusal import refused
from piade_tf.quiet import stderr_only_on_failure
from piade_tf.scoring.score_set import ScoreSet


def refit(model: bytes, graph: FeaturesGraph | NetworkGraph, images: tf.data.Dataset, scorer: ScoreSet) -> ScoreSet:
    """A scorer for the network inside `model`, with whitening matrices and bank in integers of 8 bits.

    The parts of a combined score and their maps keep their weights: means and deviations are those of the run.

    Args:
        model: a quantized LiteRT model of `graph`.
        graph: tells where the features are.
        images: that the run's own scorer was fitted to, unbatched, uint8.
        scorer: that one.

    Raises:
        CannotRun: LiteRT refuses the model.
    """
    fitted = ScoreSet(scorer.parameters)
    chosen = scorer.bank.chosen if scorer.bank else None
    fitted.fit_statistics(_features(model, graph, images), graph.network.output, chosen)
    put_in_integers(fitted)
    fitted.local.scales.update(scorer.local.scales)
    if fitted.bank and scorer.bank:
        fitted.bank.scales.update(scorer.bank.scales)
    fitted.combined.standards.update(scorer.combined.standards)
    fitted.combined.map_weights.update(scorer.combined.map_weights)
    return fitted


def put_in_integers(scorer: ScoreSet) -> None:
    """Rounds whitening matrices to integers, -127 to 127, with a step for each column at each place.

    A bank is rounded with one step.
    """
    for score in scorer.gaussian_scores:
        for name, fitted in score.gaussians.items():
            integers, step = rounded_columns(fitted.whitening)
            score.gaussians[name] = dataclasses.replace(fitted, whitening=integers)
            score.steps[name] = step
    if scorer.bank and scorer.bank.bank is not None:
        integers, step = rounded_columns(scorer.bank.bank.reshape(-1, 1))
        scorer.bank.bank = (integers * step).reshape(scorer.bank.bank.shape)


def _features(
    model: bytes, graph: FeaturesGraph | NetworkGraph, images: tf.data.Dataset
) -> Iterator[dict[str, np.ndarray]]:
    from ai_edge_litert.interpreter import Interpreter

    with stderr_only_on_failure(), refused("cannot be run by LiteRT"):  # LiteRT tells of its delegate
        run = Interpreter(model_content=model).get_signature_runner()
        image = run.get_input_details()["image"]
        run(image=np.zeros(image["shape"], image["dtype"]))  # or when it first runs
    for pixels in images.as_numpy_iterator():
        with refused("cannot be run by LiteRT"):
            found = run(image=pixels[None])
        yield graph.features_in(dequantized(run, found))
