"""How long, how fast and on what a network is trained, where the options leave that to the data."""

import dataclasses
import math

from piade_tf.config import Config
from piade_tf.data import FILES

STEPS, LEAST_EPOCHS = 750, 10
LEAST_PATIENCE = 5
MANY_IMAGES = 2000
TURNS = 0.375


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The options of a training with nothing left out.

    Attributes:
        epochs: as many as make about 750 steps, at least 10.
        batch_size: 64 from 2,000 images on, else 32.
        learning_rate: Adam's first, 2e-3 from 2,000 images on, else 1e-3.
        patience: epochs without a better validation loss, a fifth of all, at least 5.
        turns: share of the images that are seen turned: 0.375 where a class of at least 2,000 images is told from
            others, else 0.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    turns: float

    @classmethod
    def of(cls, config: Config, images: int) -> "Schedule":
        """The schedule for so many training images."""
        options, many = config.training, images >= MANY_IMAGES
        batch_size = options.batch_size or (64 if many else 32)
        epochs = options.epochs or max(LEAST_EPOCHS, math.ceil(STEPS / math.ceil(images / batch_size)))
        learning_rate = options.learning_rate or (2e-3 if many else 1e-3)
        patience = max(LEAST_PATIENCE, epochs // 5) if options.patience is None else options.patience
        turns = TURNS if many and config.data.dataset not in FILES else 0.0
        return cls(epochs, batch_size, learning_rate, patience, turns if options.turns is None else options.turns)
