"""What training minimises: how far a reconstruction is from its image."""

import keras
from keras import ops

from piade_tf.config import LossConfig
from piade_tf.errors import InputError
from piade_tf.model.efficientnet_lite0 import efficientnet_lite0
from piade_tf.model.ssim import check_window, ssim_map

DISSIMILARITY = "one_minus_ssim"  # the name of the term that is 1 - SSIM
FEATURE_SCALE = 8.0  # about the deviation of the perceptual features over photographs: the term gets the others' size


@keras.saving.register_keras_serializable(package="piade")
class ReconstructionLoss(keras.losses.Loss):
    """Weighted sum of MSE, 1 - SSIM and a perceptual term (Mishra et al. 2020, section on the loss).

    Args:
        mse: weight of the mean squared error.
        ssim: weight of 1 - SSIM, the mean of `piade_tf.model.ssim.ssim_map`.
        ssim_window: side of the SSIM window in pixels.
        perceptual: weight of the mean squared error between features of `perceptual_features`, divided by 8.

    Called with `y_true` and `y_pred`, `(batch, height, width, channels)` in [0, 1]; returns a scalar.

    Raises:
        InputError: a weight is negative, all are zero, or the weights of the perceptual term's features cannot be had.
    """

    def __init__(
        self,
        mse: float = 1.0,
        ssim: float = 0.5,
        ssim_window: int = 7,
        perceptual: float = 0.0,
        name: str = "reconstruction_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.mse, self.ssim, self.perceptual = mse, ssim, perceptual
        self.ssim_window = ssim_window
        if not all(weight >= 0 for weight in self.weights.values()) or not any(self.weights.values()):
            raise InputError(
                f"the loss weights must be at least 0 and not all 0, got mse {mse}, ssim {ssim}, "
                f"perceptual {perceptual}; choose others with --loss.mse, --loss.ssim, --loss.perceptual"
            )
        # Made here, with any size of image: weights that are set while a training step is traced are lost.
        self._encoder = perceptual_features() if perceptual else None

    @classmethod
    def from_options(cls, options: LossConfig) -> "ReconstructionLoss":
        """The loss that a `LossConfig` describes."""
        return cls(options.mse, options.ssim, options.ssim_window, options.perceptual)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term by its name."""
        return {"mse": self.mse, DISSIMILARITY: self.ssim, "perceptual": self.perceptual}

    def terms(self, y_true, y_pred) -> dict[str, keras.KerasTensor]:
        """Each term that has a weight, unweighted: `(batch,)`, float32, by name."""
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        terms = {}
        if self.mse:
            terms["mse"] = ops.mean(ops.square(y_true - y_pred), axis=(1, 2, 3))
        if self.ssim:
            terms[DISSIMILARITY] = 1.0 - ops.mean(ssim_map(y_true, y_pred, self.ssim_window), axis=(1, 2, 3))
        if self._encoder:
            difference = self._encoder(_in_colour(y_true)) - self._encoder(_in_colour(y_pred))
            terms["perceptual"] = ops.mean(ops.square(difference / FEATURE_SCALE), axis=(1, 2, 3))
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
            "mse": self.mse,
            "ssim": self.ssim,
            "perceptual": self.perceptual,
            "ssim_window": self.ssim_window,
        }


def perceptual_features() -> keras.Model:
    """The maps of stride 8 of EfficientNet-Lite0 with ImageNet weights, frozen.

    The paper compares features of VGG-11; these come with the installation.

    Returns:
        A model from images `(batch, height, width, 3)` in [0, 1] to `(batch, height / 8, width / 8, 40)`.

    Raises:
        InputError: the weights cannot be had.
    """
    encoder = efficientnet_lite0(levels=("stride_8",))
    features = keras.Model(encoder.input, encoder.output["stride_8"], name="perceptual")
    features.trainable = False
    return features


def _in_colour(images):
    return ops.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
