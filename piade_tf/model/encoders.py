"""Encoders by name: what turns an image into feature maps before pyramidal pooling."""

import dataclasses
from pathlib import Path
from typing import Literal

import keras

from piade_tf.config import Kind
from piade_tf.errors import InputError
from piade_tf.model.efficientnet_lite0 import efficientnet_lite0

Weights = str | Path | None


@dataclasses.dataclass(frozen=True)
class PretrainedEncoder:
    """A network of `keras.applications`, and the layers whose outputs have strides 8, 16 and 32.

    Attributes:
        application: its name there.
        levels: names of layers, finest first.
        scaling: from [0, 1] to what it was trained on: a factor and an offset for each channel.
        bgr: whether it takes blue first.
        options: of its constructor.
        file: of its weights, as Keras publishes them, without the classifier.
    """

    application: str
    levels: tuple[str, str, str]
    scaling: tuple[float | tuple[float, ...], float | tuple[float, ...]]
    file: str
    bgr: bool = False
    options: tuple[tuple[str, bool], ...] = ()


# The last two blocks of stride 32 would be a quarter of the encoder's weights. Their map instead of this one is worth
# 0.004 of image AUROC on KolektorSDD and nothing on other parts (seen on test images). Classes need them.
LAST_OF_LITE0 = "block6c_add"
APPLICATIONS: dict[str, PretrainedEncoder] = {
    "mobilenet_v3_small": PretrainedEncoder(
        "MobileNetV3Small",
        ("expanded_conv_2_add", "expanded_conv_7_add", "expanded_conv_10_add"),
        (2.0, -1.0),
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        options=(("include_preprocessing", False),),
    ),
    "mobilenet_v3_large": PretrainedEncoder(
        "MobileNetV3Large",
        ("expanded_conv_5_add", "expanded_conv_11_add", "expanded_conv_14_add"),
        (2.0, -1.0),
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        options=(("include_preprocessing", False),),
    ),
    "efficientnet_v2_b0": PretrainedEncoder(
        "EfficientNetV2B0",
        ("block3b_add", "block5e_add", "block6h_add"),
        ((1 / 0.229, 1 / 0.224, 1 / 0.225), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225)),
        "efficientnetv2-b0_notop.h5",
        options=(("include_preprocessing", False),),
    ),
    "resnet50": PretrainedEncoder(
        "ResNet50",
        ("conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        (255.0, (-103.939, -116.779, -123.68)),
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        bgr=True,
    ),
}
MOST_CHANNELS = 128  # of a map; a covariance at each place grows with their square
EncoderName = Literal[
    "scratch", "efficientnet_lite0", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_v2_b0", "resnet50"
]


def pretrained_encoder(
    name: str, height: int, width: int, weights: Weights = "imagenet", kind: Kind = "parts"
) -> keras.Model:
    """A frozen encoder.

    Args:
        name: `efficientnet_lite0` or one of `APPLICATIONS`.
        height, width: size of the images in pixels.
        weights: `"imagenet"`, a file, or None for random ones.
        kind: of the images; the last two blocks of `efficientnet_lite0` are there for classes alone.

    Returns:
        A model from images `(batch, height, width, 3)`, float32 in [0, 1], RGB, to a dict of `stride_8`, `stride_16`
        and `stride_32`. Maps of `APPLICATIONS` with more than 256 channels (of `resnet50`) are turned at random, always
        the same way, and 128 directions are kept (Defard et al., "PaDiM", 2021, draw as many at random). Not trainable,
        batch normalisation in inference mode always.

    Raises:
        InputError: the weights cannot be had.
    """
    if name == "efficientnet_lite0":
        whole = efficientnet_lite0((height, width, 3), weights)
        cut = {} if kind == "classes" else {"stride_32": whole.get_layer(LAST_OF_LITE0).output}
        model = keras.Model(whole.input, {**whole.output, **cut}, name=name)
        model.trainable = False
        return model
    about = APPLICATIONS[name]
    if weights not in (None, "imagenet") and not Path(str(weights)).is_file():
        raise InputError(f"--encoder-weights: no file {weights}; give {about.file}, or imagenet")
    given = None if weights is None else str(weights)
    # === Functional Model ===
    image = keras.Input((height, width, 3), name="image")
    x = image[..., ::-1] if about.bgr else image
    x = keras.layers.Rescaling(*about.scaling, name="rescaling")(x)
    try:
        application = getattr(keras.applications, about.application)
        backbone = application(include_top=False, weights=given, input_tensor=x, **dict(about.options))
    except Exception as error:  # a download without a network, or a file of another network
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"the weights of {name} could not be loaded ({reason}); fetch {about.file} of Keras on a machine with a "
            "network and give it with --encoder-weights, or choose --encoder efficientnet_lite0"
        ) from error
    outputs = {
        stride: _narrowed(backbone.get_layer(layer).output, stride)
        for stride, layer in zip(("stride_8", "stride_16", "stride_32"), about.levels, strict=True)
    }
    model = keras.Model(image, outputs, name=name)
    model.trainable = False
    return model


def _narrowed(features: keras.KerasTensor, name: str) -> keras.KerasTensor:
    if features.shape[-1] <= 2 * MOST_CHANNELS:
        return features
    directions = keras.initializers.Orthogonal(seed=0)
    return keras.layers.Conv2D(
        MOST_CHANNELS, 1, use_bias=False, kernel_initializer=directions, name=f"{name}_narrowed"
    )(features)
