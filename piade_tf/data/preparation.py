"""From an image of any size to what the network takes: the same in training, in prediction and in an exported graph."""

import dataclasses

import numpy as np
import tensorflow as tf
from PIL import Image

from piade_tf.config import DataConfig, ResizeName
from piade_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Preparation:
    """Resizes, cuts and sets the number of channels, in TensorFlow's graphs and, for files, in memory.

    Attributes:
        size: `(height, width)` in pixels after resizing, before `crop`.
        resize: stretch, pad (keep the aspect ratio, black borders) or crop (keep it, cut off what is over).
        crop: `(height, width)` of the middle that is cut out, or None.
        channels: 1 (grey) or 3.
    """

    size: tuple[int, int]
    resize: ResizeName = "stretch"
    crop: tuple[int, int] | None = None
    channels: int = 1

    @classmethod
    def from_options(cls, config: DataConfig, default_size: tuple[int, int], grey: bool) -> "Preparation":
        """The preparation that the options describe.

        Args:
            config: sizes as `N` or `H W`; left out, `default_size` is taken.
            default_size: height and width.
            grey: what `--channels auto` finds.

        Raises:
            InputError: the crop is larger than the image.
        """
        size, crop = _pair(config.image_size) or default_size, _pair(config.crop)
        if crop and (crop[0] > size[0] or crop[1] > size[1]):
            raise InputError(
                f"--crop {crop[0]} {crop[1]} is larger than the image, {size[0]} {size[1]}; give a smaller --crop or "
                "a larger --image-size"
            )
        channels = (1 if grey else 3) if config.channels == "auto" else int(config.channels)
        return cls(size, config.resize, crop, channels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a prepared image, `(height, width, channels)`."""
        return (*(self.crop or self.size), self.channels)

    def __call__(self, image):
        """Prepares an image.

        Args:
            image: `(h, w, 1 or 3)`, uint8, 0 to 255, any size.

        Returns:
            `shape`, uint8. Resized bilinearly with antialiasing; grey is 0.299 R + 0.587 G + 0.114 B.
        """
        if self._resizes(image):
            resized = self._resized(tf.cast(image, tf.float32))
            image = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
        return tf.ensure_shape(self._with_channels(self._cropped(image)), self.shape)

    def of_pixels(self, image: np.ndarray) -> np.ndarray:
        """The same for an image in memory, in half the time: up to one level apart where rounding is a tie.

        Args:
            image: `(h, w, 1 or 3)`, uint8, 0 to 255, any size.

        Returns:
            `shape`, uint8.
        """
        if self._resizes(image):
            height, width = self._kept(image.shape[:2])
            bands = (Image.fromarray(image[..., i].astype("float32")) for i in range(image.shape[2]))
            smaller = (np.asarray(band.resize((width, height), Image.Resampling.BILINEAR)) for band in bands)
            resized = np.stack(list(smaller), axis=-1)
            image = _centred(np.clip(np.round(resized), 0, 255).astype("uint8"), self.size)
        image = self._cropped(image)
        if image.shape[2] == self.channels:
            return image
        if self.channels == 3:
            return np.repeat(image, 3, axis=-1)
        grey = (image * np.float32(1 / 255)) @ np.array([0.2989, 0.587, 0.114], "float32")  # as rgb_to_grayscale
        return (grey * np.float32(255.5)).astype("uint8")[..., None]

    def mask(self, mask):
        """Prepares a mask the same way.

        Args:
            mask: `(h, w, 1)`, uint8, anomalous where it is above 127; any size.

        Returns:
            `(height, width)` of `shape`, uint8: 1 where at least half of a pixel is anomalous, or half as much as in
            the pixel that has most. A defect smaller than a pixel would else be lost.
        """
        share = tf.cast(mask > 127, tf.float32)
        if self._resizes(mask):
            share = self._resized(share)
        share = self._cropped(share)[..., 0]
        half = tf.minimum(tf.reduce_max(share), 1.0) / 2
        return tf.ensure_shape(tf.cast((share > 0) & (share >= half), tf.uint8), self.shape[:2])

    def _resizes(self, image) -> bool:
        return tuple(image.shape[:2]) != self.size

    def _resized(self, image):
        if self.resize == "stretch":
            return tf.image.resize(image, self.size, antialias=True)
        sides = tf.cast(tf.shape(image)[:2], tf.float32)
        factors = tf.cast(self.size, tf.float32) / sides
        factor = tf.reduce_min(factors) if self.resize == "pad" else tf.reduce_max(factors)
        kept = tf.maximum(tf.cast(tf.round(sides * factor), tf.int32), 1)
        resized = tf.image.resize(image, kept, antialias=True)
        return tf.image.resize_with_crop_or_pad(resized, *self.size)

    def _kept(self, sides: tuple[int, ...]) -> tuple[int, int]:
        """Height and width after resizing, before borders are added or cut off."""
        if self.resize == "stretch":
            return self.size
        factors = np.array(self.size, "float32") / np.array(sides, "float32")
        factor = factors.min() if self.resize == "pad" else factors.max()
        height, width = np.maximum(np.round(np.array(sides, "float32") * factor), 1).astype(int)
        return int(height), int(width)

    def _cropped(self, image):
        if self.crop is None:
            return image
        top, left = ((side - cut) // 2 for side, cut in zip(self.size, self.crop, strict=True))
        return image[top : top + self.crop[0], left : left + self.crop[1]]

    def _with_channels(self, image):
        channels = image.shape[-1]
        if channels is None:  # a file: known when it is read
            colour = tf.shape(image)[-1] == 3
            if self.channels == 3:
                return tf.cond(colour, lambda: image, lambda: tf.repeat(image[..., :1], 3, axis=-1))
            return tf.cond(colour, lambda: tf.image.rgb_to_grayscale(image), lambda: image)
        if channels == self.channels:
            return image
        return tf.repeat(image, 3, axis=-1) if self.channels == 3 else tf.image.rgb_to_grayscale(image)


def _centred(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cuts off or adds black at all sides, as `tf.image.resize_with_crop_or_pad` does."""
    for axis, side in enumerate(size):
        surplus = image.shape[axis] - side
        if surplus > 0:
            image = np.take(image, range(surplus // 2, surplus // 2 + side), axis)
        elif surplus < 0:
            borders = [(0, 0)] * image.ndim
            borders[axis] = (-surplus // 2, -surplus - -surplus // 2)
            image = np.pad(image, borders)
    return image


def _pair(sides: tuple[int, ...]) -> tuple[int, int] | None:
    """`(N,)` means N N."""
    return (sides[0], sides[-1]) if sides else None
