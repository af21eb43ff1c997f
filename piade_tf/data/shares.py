"""The part of each batch that the devices of this worker are given."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

IMAGE, WEIGHT = "image", "weight"  # of a batch that is a dict


@dataclasses.dataclass(frozen=True)
class Share:
    """Some of the devices that share every batch: each has equally many neighbouring rows.

    A batch whose rows do not divide is filled up with rows of weight 0. So every device has as many rows in every step,
    which tf.distribute needs to know beforehand, and a batch, short or not, is the one that a single device would have.

    Attributes:
        devices: all of them, of all workers.
        own: those of this worker, by number.
    """

    devices: int
    own: range

    def rows(self, batch_size: int) -> int:
        """Rows of a batch for each device."""
        return math.ceil(batch_size / self.devices)

    def of(self, items: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
        """Those of the unbatched `items` that fall to this worker, in batches of that size; what fills a batch up
        included."""
        rows = self._own_rows(batch_size)

        def chosen(batch):
            count = tf.shape(tf.nest.flatten(batch)[0])[0]
            places = tf.minimum(tf.constant(rows), count - 1)
            return tf.nest.map_structure(lambda values: tf.gather(values, places), batch)

        def only(*batch):
            return chosen(batch if len(batch) > 1 else batch[0])

        return items.batch(batch_size).map(only).unbatch()

    def weights(self, count: int, batch_size: int) -> tf.data.Dataset:
        """1 for an image and 0 for what fills a batch up, unbatched, float32, in the order of `of`.

        Args:
            count: images of all workers.
            batch_size: rows of a batch.
        """
        sizes = [min(batch_size, count - start) for start in range(0, count, batch_size)]
        weights = [(self._own_rows(batch_size) < size).astype("float32") for size in sizes]
        return tf.data.Dataset.from_tensor_slices(np.concatenate(weights))

    def _own_rows(self, batch_size: int) -> np.ndarray:
        rows = self.rows(batch_size)
        return np.arange(self.own.start * rows, self.own.stop * rows, dtype="int32")
