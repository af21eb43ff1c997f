"""What training minimises: how far a reconstruction is from its image, and how near vectors are to a tie."""

from pathlib import Path

import keras
from keras import ops

from piade_tf.config import LossConfig
from piade_tf.errors import InputError
from piade_tf.model.ssim import check_window, ssim_map

CLEAR_MARGIN = 0.1  # between lengths of 0 to 1: many times what rounding to 8 bits moves them


@keras.saving.register_keras_serializable(package="piade")
class ReconstructionLoss(keras.losses.Loss):
    """Weighted sum of MSE, 1 - SSIM and a perceptual term (Mishra et al. 2020, section on the loss).

    Args:
        mse: weight of the mean squared error.
        ssim: weight of 1 - SSIM, the mean of `piade_tf.model.ssim.ssim_map`.
        ssim_window: side of the SSIM window in pixels.
        perceptual: weight of the mean squared error between VGG-16 features.
        perceptual_weights: `"imagenet"`, `"off"` or the path of a weights file of `keras.applications.VGG16`
            without its top; `"off"` needs `perceptual=0`.

    Called with `y_true` and `y_pred`, `(batch, height, width, channels)` in [0, 1]; returns a scalar.

    Raises:
        InputError: a weight is negative, all are zero, or the perceptual weights cannot be had.
    """

    def __init__(
        self,
        mse: float = 1.0,
        ssim: float = 0.5,
        ssim_window: int = 7,
        perceptual: float = 0.0,
        perceptual_weights: str = "imagenet",
        name: str = "reconstruction_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.mse, self.ssim, self.perceptual = mse, ssim, perceptual
        self.ssim_window = ssim_window
        self.perceptual_weights = perceptual_weights
        if not all(weight >= 0 for weight in self.weights.values()) or not any(self.weights.values()):
            raise InputError(
                f"the loss weights must be at least 0 and not all 0, got mse {mse}, ssim {ssim}, "
                f"perceptual {perceptual}; choose others with --loss.mse, --loss.ssim, --loss.perceptual"
            )
        self.features = perceptual_features(perceptual_weights) if perceptual else None

    @classmethod
    def from_options(cls, options: LossConfig) -> "ReconstructionLoss":
        """The loss that a `LossConfig` describes."""
        return cls(options.mse, options.ssim, options.ssim_window, options.perceptual, str(options.perceptual_weights))

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term by its name."""
        return {"mse": self.mse, "ssim": self.ssim, "perceptual": self.perceptual}

    def terms(self, y_true, y_pred) -> dict[str, keras.KerasTensor]:
        """Each term that has a weight, unweighted: `(batch,)`, float32, by name (`ssim` is 1 - SSIM)."""
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        terms = {}
        if self.mse:
            terms["mse"] = ops.mean(ops.square(y_true - y_pred), axis=(1, 2, 3))
        if self.ssim:
            terms["ssim"] = 1.0 - ops.mean(ssim_map(y_true, y_pred, self.ssim_window), axis=(1, 2, 3))
        if self.features is not None:
            difference = self.features(_vgg_input(y_true)) - self.features(_vgg_input(y_pred))
            terms["perceptual"] = ops.mean(ops.square(difference), axis=(1, 2, 3))
        return terms

    def total(self, terms):
        """The weighted sum of `terms`: `(batch,)`, float32."""
        return sum(self.weights[name] * values for name, values in terms.items())

    def call(self, y_true, y_pred):
        return self.total(self.terms(y_true, y_pred))

    def check_image(self, height: int, width: int) -> None:
        """Raises `InputError` unless the SSIM window, which the score needs too, fits images of that size."""
        try:
            check_window(self.ssim_window, height, width)
        except ValueError as error:
            raise InputError(f"{error} Choose another --loss.ssim-window.") from None

    def get_config(self):
        return {
            **super().get_config(),
            **self.weights,
            "ssim_window": self.ssim_window,
            "perceptual_weights": self.perceptual_weights,
        }


def nearness_of_lengths(vectors):
    """How near the two longest instantiation vectors are to being equally long.

    The longest is decoded. Where two are nearly as long, the last bit of a rounded network decides which one that is.

    Args:
        vectors: `(batch, k, d)`, k at least 2, of lengths 0 to 1.

    Returns:
        `(batch,)`, float32: 1 for equal lengths, falling in a straight line to 0 for lengths `CLEAR_MARGIN` apart. A
        hinge on lengths, as the margin loss of Sabour et al. 2017 (equation 4), but between vectors, without labels.
    """
    squared = ops.sum(ops.square(ops.cast(vectors, "float32")), axis=-1)
    longest, _ = ops.top_k(ops.sqrt(squared + 1e-9), 2)
    return ops.relu(1.0 - (longest[:, 0] - longest[:, 1]) / CLEAR_MARGIN)


def perceptual_features(weights: str) -> keras.Model:
    """VGG-16 up to its second convolution (Simonyan and Zisserman 2015), frozen.

    Args:
        weights: `"imagenet"` (downloaded by Keras, kept in its cache) or a file.

    Returns:
        A model from `(batch, height, width, 3)`, as `_vgg_input` prepares it, to
        `(batch, height, width, 64)`.

    Raises:
        InputError: the weights cannot be had.
    """
    if weights == "off":
        raise InputError("a perceptual term needs weights: set --loss.perceptual-weights to imagenet or a file")
    if weights != "imagenet" and not Path(weights).is_file():
        raise InputError(f"--loss.perceptual-weights: no file {weights}; give a VGG-16 weights file, or imagenet")
    try:
        vgg = keras.applications.VGG16(include_top=False, weights=weights)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the perceptual term needs VGG-16 weights, and {weights} could not be loaded ({reason}); give the file "
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5 with --loss.perceptual-weights, or --loss.perceptual 0"
        ) from error
    features = keras.Model(vgg.input, vgg.get_layer("block1_conv2").output, name="perceptual")
    features.trainable = False
    return features


def _vgg_input(images):
    """Images in [0, 1], grey or RGB, as VGG-16 was trained: BGR, 0 to 255, ImageNet's mean taken off."""
    if images.shape[-1] == 1:
        images = ops.repeat(images, 3, axis=-1)
    return ops.flip(images, axis=-1) * 255.0 - ops.convert_to_tensor([103.939, 116.779, 123.68], images.dtype)
