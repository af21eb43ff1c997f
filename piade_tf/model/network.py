"""The PIADE network (Mishra et al. 2020, network figure): an image in, its reconstruction and its vectors out."""

import math

import keras

from layers import DynamicRouting, LongestVector, PyramidPooling, SEBlock
from piade_tf.config import Kind, NetworkConfig
from piade_tf.errors import InputError
from piade_tf.model.encoders import pretrained_encoder

BATCH_NORM_MOMENTUM = 0.9  # with 0.99 the inference statistics lag behind short training
ENCODER_SE = "encoder_se"  # squeeze-and-excitation behind a pretrained encoder
LEVELS = ("stride_8", "stride_16", "stride_32")
POOLED = 1  # of these: deep enough to mean something, at a quarter of the weights that stride 32 would cost
BLOCKS_PER_STAGE = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


def build_network(config: NetworkConfig, height: int, width: int, channels: int, kind: Kind = "parts") -> keras.Model:
    """Builds the functional model.

    Args:
        config: the shape of the network; what it leaves open is scaled with the image.
        height, width: size of the images in pixels, odd and not square too; see `NetworkConfig.for_image`.
        channels: 1 or 3.
        kind: of the images; see `pretrained_encoder`.

    Returns:
        A model from `image`, `(batch, height, width, channels)`, float32 in [0, 1], to a dict of

        - `reconstruction`: the input's shape, in [0, 1] (tanh: [-1, 1]);
        - `instantiation_vectors`: `(batch, num_vectors, vector_dim)`, lengths 0 to 1, without routing any;
        - `latent`: `(batch, vector_dim)`, the longest of them, which is decoded;
        - `feature_map_0`, `feature_map_1`, ...: the encoder's map after each stage, or of strides 8, 16 and 32 of a
          pretrained one, finest first, `(batch, h, w, c)`.

        A pretrained encoder is frozen, and takes grey images repeated to three channels.

    Raises:
        InputError: an image size or a part of the configuration that does not fit.
    """
    if channels not in (1, 3):
        raise InputError(f"the network takes images with 1 or 3 channels, got {channels}.")
    config = config.for_image(height, width)
    try:
        return _functional_model(config, height, width, channels, kind)
    except InputError:  # weights that cannot be had
        raise
    except ValueError as error:  # a layer that does not fit, e.g. a magnification larger than the map
        raise InputError(f"{height}x{width} images do not fit the network: {' '.join(str(error).split())}") from error


def decoder_part(network: keras.Model) -> keras.Model:
    """What stands behind a frozen encoder, sharing the network's weights: its features are computed once.

    Args:
        network: of `build_network` with a pretrained encoder.

    Returns:
        A model from the map that is pooled, see `pooled_map`, to `reconstruction`, `instantiation_vectors` and
        `latent`.
    """
    names = ("reconstruction", "instantiation_vectors", "latent")
    return keras.Model(pooled_map(network), {name: network.output[name] for name in names}, name="decoder_part")


def is_pretrained(network: keras.Model) -> bool:
    """Whether the network has a frozen encoder."""
    return any(layer.name == ENCODER_SE for layer in network.layers)


def pooled_map(network: keras.Model):
    """The encoder's map that squeeze-and-excitation and pyramidal pooling take."""
    return network.get_layer(ENCODER_SE).input


def _functional_model(config: NetworkConfig, height: int, width: int, channels: int, kind: Kind) -> keras.Model:
    # === Functional Model ===
    image = keras.Input((height, width, channels), name="image")
    if config.encoder == "scratch":
        maps = _encode(config, image)
        features, start = maps[-1], maps[-1]
        sizes = [image.shape[1:3]] + [feature_map.shape[1:3] for feature_map in maps[:-1]]
    else:
        maps = _encode_pretrained(config, image, kind)
        features = SEBlock(config.ratio, name=ENCODER_SE)(maps[POOLED])
        start = maps[-1]
        sizes = [image.shape[1:3], (-(-height // 4), -(-width // 4)), *(m.shape[1:3] for m in maps[:-1])]
    capsules = PyramidPooling(
        config.magnifications, config.capsule_dim, config.grid, BATCH_NORM_MOMENTUM, name="pyramid_pooling"
    )(features)
    vectors = _vectors(config, capsules)
    latent = LongestVector(name="latent")(vectors)
    upsampled = _upsample(config, latent, start.shape[1:3])
    if config.skip:
        upsampled = keras.layers.Concatenate(name="skip")([upsampled, start])
    reconstruction = _decode(config, upsampled, sizes[::-1], channels)
    outputs = {"reconstruction": reconstruction, "instantiation_vectors": vectors, "latent": latent}
    outputs.update({f"feature_map_{stage}": feature_map for stage, feature_map in enumerate(maps)})
    return keras.Model(image, outputs, name="piade")


def _encode_pretrained(config: NetworkConfig, image, kind: Kind):
    """The frozen encoder's maps of strides 8, 16 and 32."""
    _, height, width, channels = image.shape
    encoder = pretrained_encoder(config.encoder, height, width, config.weights_of_encoder, kind)
    colour = image if channels == 3 else keras.layers.Concatenate(name="grey_to_colour")([image] * 3)
    found = encoder(colour)
    return [found[level] for level in LEVELS]


def _encode(config: NetworkConfig, image):
    """The S-E ResNet (He et al. 2016; Hu et al. 2018): the feature map of every stage, finest first."""
    x = _conv_bn(image, config.widths[0], config.stem_kernel, config.stem_stride, name="stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    block = _basic_block if config.depth == 18 else _bottleneck_block
    maps = []
    for stage, (filters, blocks) in enumerate(zip(config.widths, BLOCKS_PER_STAGE[config.depth], strict=False)):
        for index in range(blocks):
            stride = 2 if stage > 0 and index == 0 else 1
            x = _residual(config, block, x, filters, stride, name=f"stage{stage}_block{index}")
        maps.append(x)
    return maps


def _residual(config: NetworkConfig, block, x, filters: int, stride: int, name: str):
    residual = block(x, filters, stride, name)
    if config.squeeze_excitation:
        residual = SEBlock(config.ratio, name=f"{name}_se")(residual)
    if residual.shape != x.shape:
        x = _conv_bn(x, residual.shape[-1], 1, stride, name=f"{name}_shortcut")
    x = keras.layers.Add(name=f"{name}_add")([x, residual])
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _basic_block(x, filters: int, stride: int, name: str):
    x = _conv_bn(x, filters, 3, stride, name=f"{name}_1")
    x = keras.layers.ReLU(name=f"{name}_1_relu")(x)
    return _conv_bn(x, filters, 3, 1, name=f"{name}_2")


def _bottleneck_block(x, filters: int, stride: int, name: str):
    x = _conv_bn(x, filters, 1, 1, name=f"{name}_1")
    x = keras.layers.ReLU(name=f"{name}_1_relu")(x)
    x = _conv_bn(x, filters, 3, stride, name=f"{name}_2")
    x = keras.layers.ReLU(name=f"{name}_2_relu")(x)
    return _conv_bn(x, 4 * filters, 1, 1, name=f"{name}_3")


def _conv_bn(x, filters: int, kernel: int, stride: int, name: str):
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)


def _vectors(config: NetworkConfig, capsules):
    """The instantiation vectors: routed, or by a dense layer with as many weights."""
    count, dim = config.num_vectors, config.vector_dim
    if config.routing:
        return DynamicRouting(count, dim, config.iterations, name="instantiation_vectors")(capsules)
    flat = keras.layers.Flatten(name="capsules")(capsules)
    dense = keras.layers.Dense(count * dim, use_bias=False, name="instantiation_vectors_dense")(flat)
    return keras.layers.Reshape((count, dim), name="instantiation_vectors")(dense)


def _upsample(config: NetworkConfig, latent, size: tuple[int, int]):
    """Linear upsampling (network figure): 64 -> 128 -> 512 -> the decoder's first map."""
    x, channels, normalized = latent, config.decoder_widths[0], config.upsampling_norm == "batch"
    for step, units in enumerate((*config.upsampling, math.prod(size) * channels)):
        dense = keras.layers.Dense(
            units, use_bias=not normalized, kernel_initializer="he_normal", name=f"upsampling_{step}"
        )
        x = dense(x)
        if normalized:
            x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"upsampling_{step}_bn")(x)
        x = keras.layers.ReLU(name=f"upsampling_{step}_relu")(x)
    return keras.layers.Reshape((*size, channels), name="decoder_input")(x)


def _decode(config: NetworkConfig, x, sizes: list[tuple[int, int]], channels: int):
    """Transposed convolutions, each to the size of the encoder's map at that depth, the last to the image's."""
    for step, (filters, size) in enumerate(zip(config.decoder_widths[1:], sizes[:-1], strict=True)):
        x = keras.layers.Conv2DTranspose(
            filters,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"decoder_{step}_conv",
        )(x)
        x = _crop(x, size, name=f"decoder_{step}_crop")
        x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"decoder_{step}_bn")(x)
        x = keras.layers.ReLU(name=f"decoder_{step}_relu")(x)
    stride = config.stem_stride
    x = keras.layers.Conv2DTranspose(channels, 2 * stride, strides=stride, padding="same", name="decoder_last_conv")(x)
    x = _crop(x, sizes[-1], name="decoder_last_crop")
    return keras.layers.Activation(config.output_activation, dtype="float32", name="reconstruction")(x)


def _crop(x, size: tuple[int, int], name: str):
    """Cuts off, below and at the right, what padding to a multiple of the stride had added."""
    surplus = (x.shape[1] - size[0], x.shape[2] - size[1])
    if surplus == (0, 0):
        return x
    return keras.layers.Cropping2D(((0, surplus[0]), (0, surplus[1])), name=name)(x)
