"""From floats to integers, operator by operator: the network in 8 bits, what decides as precise as it must be."""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from export.graph import PYRAMID, ROUTING, SCORE_SCOPE
from export.quantization.activation_ranges import ranges_of
from export.quantization.eight_bits import WEIGHT_BITS
from export.refusal import refused
from piade_tf.quiet import output_only_on_failure

# Convolutions and dense layers of encoder, pyramid and decoder.
NETWORK = rf"^(?!.*{SCORE_SCOPE}/).*"
# From scratch, those with activations of fixed ranges: where a ReLU and another convolution follow,
# so that integers stay integers. A convolution whose output floats are added to would round that too; what it takes is
# rounded as it comes. So is what the pyramid takes, whose few cells decide on the lengths of instantiation vectors:
# their range over some images says little of the next one's. The first dense layer reads `latent`, an output of the
# graph, which has to stay a float.
FROM_SCRATCH = rf"^(?!.*({SCORE_SCOPE}/|{ROUTING}|{PYRAMID}|latent|upsampling_0)).*network/.*(_relu|decoder_last)"
# A pretrained encoder was made for integers: all of it, and the decoder.
PRETRAINED = r".*network/.*(efficientnet_lite0|mobilenet_v3|efficientnet_v2|resnet50)[^/]*/"
DECODER = r".*network/.*(upsampling_[1-9]|decoder_)"


def quantize(
    model: bytes, kind: Literal["weights", "static"], images: Iterable[np.ndarray], signature: str, pretrained: bool
) -> bytes:
    """Quantizes a LiteRT model of floats.

    `weights`: weights of convolutions, dense layers and routing in 8 bits, activations rounded as they come.
    `static`: those that a ReLU follows with activations of fixed ranges, taken from `images`; the others as above.
    In both, the matrices of the score have weights of 8 bits, a scale a column, and are multiplied in floats.

    Args:
        model: as `to_litert` gives it.
        kind: see above.
        images: the representative data set in batches as the model takes them, uint8; not looked at for `weights`.
        signature: of the model.
        pretrained: whether the network has a frozen encoder, which takes fixed ranges throughout.
    """
    from ai_edge_quantizer.qtyping import TFLOperationName as Op
    from ai_edge_quantizer.quantizer import Quantizer

    layers = (Op.CONV_2D, Op.FULLY_CONNECTED, Op.CONV_2D_TRANSPOSE)
    quantizer = Quantizer(model)
    for layer in layers:
        quantizer.add_dynamic_config(NETWORK, layer, num_bits=WEIGHT_BITS)
    # XNNPACK has no kernel for depthwise convolutions of activations rounded as they come.
    quantizer.add_weight_only_config(NETWORK, Op.DEPTHWISE_CONV_2D, num_bits=WEIGHT_BITS)
    if kind == "static":
        fixed = dict.fromkeys(layers, FROM_SCRATCH)
        if pretrained:
            fixed = dict.fromkeys((*layers, Op.DEPTHWISE_CONV_2D, Op.ADD), PRETRAINED)
        for layer, scope in fixed.items():
            quantizer.add_static_config(scope, layer, activation_num_bits=8, weight_num_bits=WEIGHT_BITS)
        if pretrained:
            for layer in layers:
                quantizer.add_static_config(DECODER, layer, activation_num_bits=8, weight_num_bits=WEIGHT_BITS)
    quantizer.add_dynamic_config(f".*{ROUTING}", Op.BATCH_MATMUL, num_bits=WEIGHT_BITS)
    for product in (Op.BATCH_MATMUL, Op.FULLY_CONNECTED):
        quantizer.add_weight_only_config(f".*{SCORE_SCOPE}/", product, num_bits=WEIGHT_BITS)
    with output_only_on_failure(), refused("cannot be put in integers"):
        ranges = None
        if quantizer.need_calibration:
            ranges = ranges_of(quantizer, model, signature, [{"image": batch} for batch in images])
        quantized = quantizer.quantize(ranges).quantized_model
    assert quantized is not None
    return bytes(quantized)
