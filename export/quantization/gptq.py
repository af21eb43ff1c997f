"""Floats rounded to 8 bits for the inputs that they are multiplied with: GPTQ."""

import numpy as np

WEIGHT_BITS = 8
LARGEST = 2 ** (WEIGHT_BITS - 1) - 1
DAMPING = 0.01  # of the mean square of the inputs, for directions in which they do not vary
BLOCK = 128  # rows whose errors are passed on together


def round_columns(weights: np.ndarray, moment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers for weights, such that `inputs @ (integers * step)` is near `inputs @ weights`.

    Args:
        weights: `(..., inputs, outputs)`.
        moment: second moment of the inputs, `(..., inputs, inputs)`, at any scale.

    Returns:
        `(..., inputs, outputs)`, float64, -127 to 127, and `(..., 1, outputs)`: what the largest weight of a column is
        divided by 127. That weight is exact.

    Source: Frantar et al. 2023, "GPTQ: accurate post-training quantization for generative pre-trained transformers",
    arXiv 2210.17323, algorithm 1.
    """
    count = weights.shape[-2]
    step = np.abs(weights).max(axis=-2, keepdims=True) / LARGEST
    step = np.where(step == 0, 1, step)
    damping = DAMPING * np.trace(moment, axis1=-2, axis2=-1)[..., None, None] / count
    damped = moment + np.where(damping == 0, 1, damping) * np.eye(count)
    passed_on = np.swapaxes(np.linalg.cholesky(np.linalg.inv(damped)), -2, -1)
    left = weights / step
    exact = np.abs(left).argmax(axis=-2)[..., None, :] == np.arange(count)[:, None]
    integers = np.empty_like(left)
    for start in range(0, count, BLOCK):
        block, behind = slice(start, start + BLOCK), slice(start + BLOCK, None)
        errors = np.zeros_like(left[..., block, :])
        for i in range(start, min(start + BLOCK, count)):
            integers[..., i, :] = np.round(left[..., i, :]).clip(-LARGEST, LARGEST)
            errors[..., i - start, :] = (left[..., i, :] - integers[..., i, :]) / passed_on[..., i, i, None]
            rest = slice(i + 1, start + BLOCK)
            share = passed_on[..., i, rest, None] * errors[..., i - start, None, :]
            left[..., rest, :] -= np.where(exact[..., rest, :], 0, share)
        share = np.swapaxes(passed_on[..., block, behind], -2, -1) @ errors
        left[..., behind, :] -= np.where(exact[..., behind, :], 0, share)
    return integers, step
