"""How long, how fast and on what a network is trained, where the options leave that to the data."""

import dataclasses
import math

from piade_tf.config import Kind, TrainingConfig

STEPS, LEAST_EPOCHS = 750, 10
IMAGES_OF_DECODER = 2400  # that it is shown behind a frozen encoder, repetitions included
MOST_EPOCHS_OF_DECODER = 150
LEAST_PATIENCE = 5
FEW_IMAGES, MANY_IMAGES = 1000, 2000
NOISE, ROTATION = 0.1, 0.375


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The options of a training with nothing left out.

    Attributes:
        epochs: as many as make about 750 steps, or behind a frozen encoder show 2,400 images, there at most 150;
            at least 10.
        batch_size: 64 from 2,000 images on, else 32; behind a frozen encoder 16, of fewer than 1,000 images 4.
        learning_rate: Adam's first, 2e-3 from 2,000 images on, else 1e-3; 5e-3 behind a frozen encoder.
        patience: epochs without a better validation loss, a fifth of all, at least 5.
        noise: standard deviation of that on the images, 0.1, or 0 behind a frozen encoder.
        rotation: share of the images that are seen rotated: 0.375 where a class of at least 2,000 images is told from
            others, else 0; 0 behind a frozen encoder.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    noise: float
    rotation: float

    @classmethod
    def of(cls, options: TrainingConfig, images: int, kind: Kind, pretrained: bool) -> "Schedule":
        """The schedule for so many training images of a kind."""
        many = images >= MANY_IMAGES
        batch_size = options.batch_size or _batch_size(images, pretrained)
        if pretrained:
            enough = min(math.ceil(IMAGES_OF_DECODER / images), MOST_EPOCHS_OF_DECODER)
        else:
            enough = math.ceil(STEPS / math.ceil(images / (batch_size * options.accumulate)))
        epochs = options.epochs or max(LEAST_EPOCHS, enough)
        learning_rate = options.learning_rate or (5e-3 if pretrained else 2e-3 if many else 1e-3)
        patience = max(LEAST_PATIENCE, epochs // 5) if options.patience is None else options.patience
        noise, rotation = options.noise, options.rotation
        if noise is None:
            noise = 0.0 if pretrained else NOISE
        if rotation is None:
            rotation = ROTATION if many and kind == "classes" and not pretrained else 0.0
        return cls(epochs, batch_size, learning_rate, patience, noise, rotation)

    @property
    def changes_images(self) -> bool:
        """Whether the network sees an image otherwise from one epoch to another."""
        return self.noise > 0 or self.rotation > 0


def _batch_size(images: int, pretrained: bool) -> int:
    if pretrained:
        # A decoder learns more from many small steps (benchmarks/decoder_start.py).
        return 4 if images < FEW_IMAGES else 16
    return 64 if images >= MANY_IMAGES else 32
