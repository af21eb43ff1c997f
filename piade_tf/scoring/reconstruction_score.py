"""The paper's own score: how far the reconstruction is from the image."""

import math

from keras import ops

from piade_tf.model.ssim import filter_transposed, ssim_map
from piade_tf.scoring.score import Outputs, Score, ScoreFunction


class ReconstructionScore(ScoreFunction):
    """MSE + 1 - SSIM between image and reconstruction (Mishra et al. 2020), the mean of its `anomaly_map`.

    A window's dissimilarity is spread over the pixels that it covers, by the window's own weights,
    and scaled so that the mean over the whole image stays what it was over the places of the window.

    Args:
        window: side of the SSIM window in pixels.
    """

    name = "reconstruction"

    def __init__(self, window: int):
        self.window = window

    def __call__(self, images, outputs: Outputs) -> Score:
        reconstruction = outputs["reconstruction"]
        squared_error = ops.mean(ops.square(images - reconstruction), axis=-1)
        dissimilarity = 1.0 - ops.mean(ssim_map(images, reconstruction, self.window), axis=-1, keepdims=True)
        scale = math.prod(images.shape[1:3]) / math.prod(dissimilarity.shape[1:3])
        spread = scale * ops.squeeze(filter_transposed(dissimilarity, self.window), axis=-1)
        anomaly_map = squared_error + spread
        return Score(ops.mean(anomaly_map, axis=(1, 2)), anomaly_map)
