"""The ranges of activations, which scales are made of."""

from collections.abc import Iterable
from typing import Any

import numpy as np

NARROW = 1e-4


def ranges_of(quantizer: Any, model: bytes, signature: str, inputs: Iterable[dict[str, np.ndarray]]) -> dict[str, Any]:
    """The least and the largest value of each activation over all inputs.

    `Quantizer.calibrate` would let a range follow the images like a moving average, so that the last and the average
    image count, and clip the brightest.

    Args:
        quantizer: of ai-edge-quantizer, with its configuration.
        model: that it quantizes.
        signature: of the model.
        inputs: of the signature, by name.

    Returns:
        By tensor, `min` and `max`.
    """
    from ai_edge_quantizer.calibrator import Calibrator
    from ai_edge_quantizer.recipe_manager import RecipeManager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    recipe = RecipeManager()
    recipe.load_quantization_recipe(quantizer.get_quantization_recipe())
    calibrator = Calibrator(model, num_threads=1, qsv_update_func=min_max_update)
    calibrator.calibrate({signature: inputs}, recipe)
    return dead_units_widened(calibrator.get_model_qsvs())


def dead_units_widened(ranges: dict[str, Any]) -> dict[str, Any]:
    """Gives a range of 1 to units that never vary, such as dead ReLUs: XNNPACK refuses the scales that they would get.

    Args:
        ranges: by tensor, `min` and `max`, as ai-edge-quantizer gives them.
    """
    widened = {}
    for name, seen in ranges.items():
        if "min" in seen:
            seen = {**seen, "max": np.where(seen["max"] - seen["min"] < NARROW, seen["min"] + 1, seen["max"])}
        widened[name] = seen
    return widened
