"""What the networks of the presets cost: prints the table of docs/training.md.

    python benchmarks/network_cost.py

Parameters, and the multiply-adds of convolutions and matrix products for one image; everything else is left out.
Takes seconds, trains nothing, and is the same on every machine.
"""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import dataclasses

import keras
import tensorflow as tf

from piade_tf.config import SMALLEST_PRETRAINED, PresetName
from piade_tf.model.network import build_network
from piade_tf.model.presets import preset_config

NETWORKS: tuple[tuple[PresetName, tuple[int, int, int]], ...] = (
    ("compact", (28, 28, 1)),
    ("compact", (32, 32, 1)),
    ("compact", (128, 128, 3)),
    ("compact", (256, 256, 3)),
    ("paper", (120, 120, 3)),
)


def multiply_adds(model: keras.Model) -> int:
    """Multiply-adds for one image, the sum over the operations of TensorFlow's graph of the model.

    Args:
        model: a functional model with one input of known size.
    """
    image = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32)
    return multiply_adds_of(tf.function(lambda x: model(x, training=False)).get_concrete_function(image).graph)


def multiply_adds_of(graph: tf.Graph) -> int:
    """Multiply-adds of a graph whose tensors have known sizes, gradients included."""
    return sum(map(_of_operation, graph.get_operations()))


def _of_operation(operation) -> int:
    shapes = [tensor.shape for tensor in (*operation.outputs, *operation.inputs)]
    if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
        output, _, (height, width, channels, _) = shapes
        return output.num_elements() * height * width * (channels if operation.type == "Conv2D" else 1)
    if operation.type == "Conv2DBackpropInput":  # also a transposed convolution: each input goes to a kernel of outputs
        _, _, kernel, spread = shapes
        return spread.num_elements() * math.prod(kernel[:3])
    if operation.type == "Conv2DBackpropFilter":
        kernel, _, _, spread = shapes
        return spread.num_elements() * math.prod(kernel[:3])
    if operation.type == "DepthwiseConv2dNativeBackpropInput":
        _, _, kernel, spread = shapes
        return spread.num_elements() * math.prod(kernel[:2])
    if operation.type in ("MatMul", "BatchMatMulV2"):
        output, first, _ = shapes
        transposed = operation.type == "MatMul" and operation.get_attr("transpose_a")
        transposed |= operation.type == "BatchMatMulV2" and operation.get_attr("adj_x")
        return output.num_elements() * first[-2 if transposed else -1]
    return 0


def main() -> None:
    print("| preset and encoder | image | parameters | multiply-adds |")
    print("| --- | --- | --- | --- |")
    for preset, shape in NETWORKS:
        for encoder in ("scratch", "efficientnet_lite0"):
            if encoder != "scratch" and (preset == "paper" or shape[0] < SMALLEST_PRETRAINED):
                continue
            options = dataclasses.replace(preset_config(preset).network, encoder=encoder, encoder_weights="random")
            network = build_network(options.for_image(*shape[:2]), *shape)
            size = "x".join(map(str, shape))
            parameters, operations = network.count_params() / 1e6, multiply_adds(network) / 1e6
            print(f"| `{preset}`, `{encoder}` | {size} | {parameters:.3f} M | {operations:,.1f} M |")


if __name__ == "__main__":
    main()
