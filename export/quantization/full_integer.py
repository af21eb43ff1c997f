"""From floats to integers throughout: the network in 8 bits, routing in 16, integers at both ends."""

import math
import re
from collections.abc import Iterable

import numpy as np

from export.graph import ROUTING
from export.quantization.activation_ranges import ranges_of
from export.quantization.eight_bits import WEIGHT_BITS
from export.refusal import refused
from export.tflite.integer_io import PIXELS, float_names, with_integer_ends
from piade_tf.pixels import to_unit
from piade_tf.quiet import output_only_on_failure

VECTORS = (ROUTING, "latent")  # layers, and outputs of the same names
# A vector's length can exceed what the representative images have; 16 bits have room for it. A reciprocal root is
# largest for the shortest vector, of which few images tell.
HEADROOM, HEADROOM_OF_ROOTS = 2.0, 4.0
# LiteRT takes a scale whose base-2 logarithm is within 1e-3 of a whole number for a power of two. If all scales of an
# addition in 16 bits are, two of them must be equal, or the file is refused.
POWER_OF_TWO, LARGEST = 2e-3, 2**15 - 1


def quantize_throughout(model: bytes, images: Iterable[np.ndarray], signature: str) -> bytes:
    """Quantizes a LiteRT model of the network alone.

    Args:
        model: of `NetworkGraph`, as `to_litert` gives it.
        images: the representative data set in batches as the model takes them, uint8.
        signature: of the model.

    Returns:
        A model that takes `image` and returns `reconstruction` as uint8, 0 to 255, and its other outputs as int8 or
        int16, with scale and zero point.

    Raises:
        CannotRun: the quantizer cannot do it.
    """
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName as Op
    from ai_edge_quantizer.quantizer import Quantizer

    names = float_names(model, signature)
    routing = "|".join(rf"^(?!.*transpose).*{layer}[^/]*/" for layer in VECTORS)
    ends = "|".join(f"^{re.escape(names[output])};" for output in VECTORS)
    quantizer = Quantizer(model)
    quantizer.add_static_config(".*", Op.ALL_SUPPORTED, 8, WEIGHT_BITS)
    # The kernel for 8 bits knows one scale of the weights, whatever the file says.
    quantizer.add_static_config(".*", Op.BATCH_MATMUL, 8, WEIGHT_BITS, qtyping.QuantGranularity.TENSORWISE)
    for operator in (Op.ADD, Op.SUB, Op.MUL, Op.SUM, Op.SOFTMAX, Op.RSQRT, Op.RELU, Op.RESHAPE):
        quantizer.add_static_config(f"{routing}|{ends}", operator, 16, WEIGHT_BITS)
    pixels = qtyping.TensorQuantizationConfig(num_bits=8, symmetric=False, dtype=qtyping.TensorDataType.UINT)
    weights = qtyping.TensorQuantizationConfig(num_bits=WEIGHT_BITS)
    integer = qtyping.ComputePrecision.INTEGER
    quantizer.update_quantization_recipe(".*", Op.INPUT, qtyping.OpQuantizationConfig(pixels, weights, integer))
    quantizer.update_quantization_recipe(".*", Op.OUTPUT, algorithm_key=AlgorithmName.NO_QUANTIZE)
    scaled = [{"image": to_unit(batch)} for batch in images]
    headroom = rf"({routing})(Sum|mul|add|sub|Relu|Rsqrt)|{ends}"
    with output_only_on_failure(), refused("cannot be put in integers"):
        ranges = ranges_of(quantizer, model, signature, scaled)
        _set(ranges[names["image"]], *PIXELS)
        for name, seen in ranges.items():
            if re.search(headroom, f"{name};") and "min" in seen:
                factor = HEADROOM_OF_ROOTS if "Rsqrt" in name else HEADROOM
                factor *= off_powers_of_two(factor * max(abs(float(seen[key].max())) for key in ("min", "max")))
                _set(seen, factor * seen["min"], factor * seen["max"])
        quantized = quantizer.quantize(ranges).quantized_model
    assert quantized is not None
    return with_integer_ends(bytes(quantized), names, signature)


def off_powers_of_two(largest: float) -> float:
    """By what the largest magnitude of 16 bits is to be multiplied, so that its scale is no power of two: 1 or a little
    more."""
    if not largest:
        return 1.0
    power = math.log2(largest / LARGEST)
    return 2 ** (2 * POWER_OF_TWO) if abs(power - round(power)) < POWER_OF_TWO else 1.0


def _set(seen: dict[str, np.ndarray], low, high) -> None:
    for key, value in (("min", low), ("max", high)):
        seen[key] = np.broadcast_to(np.float32(value), seen[key].shape).copy()
