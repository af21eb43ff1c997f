"""From an image of any size to what the network takes: the same in training and in prediction."""

import dataclasses

import numpy as np
from PIL import Image

from piade_tf.config import DEEPEST, DataConfig, ResizeName
from piade_tf.data.decode import MAX_PIXELS, UnreadableImageError
from piade_tf.errors import InputError
from piade_tf.pixels import WHITE

KERNELS = ("bilinear", "bicubic", "lanczos", "box", "nearest", "sampled")  # the first is ours


@dataclasses.dataclass(frozen=True)
class Preparation:
    """Resizes, cuts and sets the number of channels.

    Attributes:
        size: `(height, width)` in pixels after resizing, before `crop`.
        resize: stretch, pad (keep the aspect ratio, black borders) or crop (keep it, cut off what is over).
        crop: `(height, width)` of the middle that is cut out, or None.
        channels: 1 (grey) or 3.
        bits: how many bits of a grey image of more than 8 are in use, 8 to 16: those become 8 when it is read.
    """

    size: tuple[int, int]
    resize: ResizeName = "stretch"
    crop: tuple[int, int] | None = None
    channels: int = 1
    bits: int = DEEPEST

    @classmethod
    def from_options(
        cls, config: DataConfig, default_size: tuple[int, int], grey: bool, bits: int = DEEPEST
    ) -> "Preparation":
        """The preparation that the options describe.

        Args:
            config: sizes as `N` or `H W`; left out, `default_size` is taken.
            default_size: height and width.
            grey: what `--channels auto` finds.
            bits: what `--bits 0` finds.

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
        return cls(size, config.resize, crop, channels, config.bits or bits)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a prepared image, `(height, width, channels)`."""
        return (*(self.crop or self.size), self.channels)

    def __call__(self, image: np.ndarray, kernel: str = "bilinear") -> np.ndarray:
        """Prepares an image.

        Args:
            image: `(h, w, 1 or 3)`, uint8, 0 to 255, any size.
            kernel: with which it is resized, one of `KERNELS`; other than the first only to see what another device
                would make of the image.

        Returns:
            `shape`, uint8. Grey is 0.299 R + 0.587 G + 0.114 B.

        Raises:
            UnreadableImageError: as `kept`.
        """
        if self._resizes(image):
            image = np.clip(np.round(self._resized(image, kernel)), 0, WHITE).astype("uint8")
        image = self._cropped(image)
        if image.shape[2] == self.channels:
            return image
        if self.channels == 3:
            return np.repeat(image, 3, axis=-1)
        grey = (image * np.float32(1 / WHITE)) @ np.array([0.2989, 0.587, 0.114], "float32")  # as rgb_to_grayscale
        return (grey * np.float32(WHITE + 0.5)).astype("uint8")[..., None]

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Prepares a mask the same way.

        Args:
            mask: `(h, w, 1)`, uint8, anomalous where it is above 127; any size.

        Returns:
            `(height, width)` of `shape`, uint8: 1 where at least half of a pixel is anomalous, or half as much as in
            the pixel that has most. A defect smaller than a pixel would else be lost.
        """
        share = (mask > 127).astype("uint8")
        if self._resizes(mask):
            share = self._resized(share, KERNELS[0])
        share = self._cropped(share)[..., 0].astype("float32")
        half = min(float(share.max(initial=0.0)), 1.0) / 2
        return ((share > 0) & (share >= half)).astype("uint8")

    def undone(self, picture: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        """The other way round: a picture of a prepared image, laid on an image of `sides` before it was prepared.

        Args:
            picture: `(height, width)` of `shape`, float32, at least 0.
            sides: height and width.

        Returns:
            `sides`, float32; 0 where the image was cut off.
        """
        whole = _centred(picture, self.size) if self.crop else picture
        return resized(_centred(whole, self.kept(sides))[..., None], *sides, KERNELS[0])[..., 0]

    def kept(self, sides: tuple[int, ...]) -> tuple[int, int]:
        """Height and width after resizing, before borders are added or cut off.

        Args:
            sides: height and width of an image.

        Raises:
            UnreadableImageError: it is so long and thin that `crop` would first enlarge it beyond what is read.
        """
        if self.resize == "stretch":
            return self.size
        factors = np.array(self.size, "float32") / np.array(sides, "float32")
        factor = factors.min() if self.resize == "pad" else factors.max()
        height, width = np.maximum(np.round(np.array(sides, "float32") * factor), 1).astype(int)
        if height * width > MAX_PIXELS:
            raise UnreadableImageError(
                f"has {sides[1]} x {sides[0]} pixels, of which --resize crop would first make {width} x {height}, more "
                f"than {MAX_PIXELS / 10**6:g} megapixels; cut it to the part, or train with --resize pad"
            )
        return int(height), int(width)

    def _resizes(self, image: np.ndarray) -> bool:
        return tuple(image.shape[:2]) != self.size

    def _resized(self, pixels: np.ndarray, kernel: str) -> np.ndarray:
        """`(h, w, channels)` in `size`, float32: one channel after the other, since what is cut off may be large."""
        height, width = self.kept(pixels.shape[:2])
        channels = (pixels[..., i, None] for i in range(pixels.shape[2]))
        return np.concatenate(
            [_centred(resized(channel, height, width, kernel), self.size) for channel in channels], axis=-1
        )

    def _cropped(self, image):
        if self.crop is None:
            return image
        top, left = ((side - cut) // 2 for side, cut in zip(self.size, self.crop, strict=True))
        return image[top : top + self.crop[0], left : left + self.crop[1]]


def resized(pixels: np.ndarray, height: int, width: int, kernel: str) -> np.ndarray:
    """`(h, w, channels)`, uint8 or float32, to `(height, width, channels)`, float32, by one of `KERNELS`; not rounded.

    One channel after the other becomes floating point, which takes four times the memory of a photograph.
    """
    smaller = []
    for i in range(pixels.shape[2]):
        band = Image.fromarray(pixels[..., i]).convert("F")
        if kernel == "sampled":  # bilinear between the nearest four pixels, whatever lies between: without antialiasing
            matrix = (band.width / width, 0, 0, 0, band.height / height, 0)
            band = band.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        else:
            band = band.resize((width, height), Image.Resampling[kernel.upper()])
        smaller.append(np.asarray(band))
    return np.stack(smaller, axis=-1)


def uncropped(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Prepared images as they were before the middle was cut out, but for what was lost: their edges are repeated.

    Args:
        images: `(..., h, w, channels)`.
        size: of the preparation, at least `(h, w)`.

    Returns:
        `(..., *size, channels)`, of which the preparation makes `images` again.
    """
    lost = [side - kept for side, kept in zip(size, images.shape[-3:-1], strict=True)]
    borders = [(0, 0)] * (images.ndim - 3) + [(over // 2, over - over // 2) for over in lost] + [(0, 0)]
    return np.pad(images, borders, mode="edge")


def _centred(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cuts off or adds black at all sides, half at each end."""
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
