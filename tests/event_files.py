"""Reads what TensorBoard is given."""

import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata


class Log:
    """The event files of one folder, as TensorBoard reads them."""

    def __init__(self, folder):
        self.events = EventAccumulator(str(folder), {"tensors": 0}).Reload()
        self.tags = set(self.events.Tags()["tensors"])

    def steps(self, tag):
        return [event.step for event in self.events.Tensors(tag)]

    def values(self, tag):
        return [tf.make_ndarray(event.tensor_proto) for event in self.events.Tensors(tag)]

    def picture(self, tag):
        """The last image: `(height, width, 3)`, uint8, as large as the log says."""
        width, height, png = self.values(tag)[-1]
        picture = tf.io.decode_png(png, channels=3).numpy()
        assert picture.shape[:2] == (int(height), int(width))
        return picture

    def text(self, tag):
        return self.values(tag)[-1].item().decode()

    def hparams(self, tag):
        content = self.events.SummaryMetadata(tag).plugin_data.content
        return {
            metadata.EXPERIMENT_TAG: metadata.parse_experiment_plugin_data,
            metadata.SESSION_START_INFO_TAG: metadata.parse_session_start_info_plugin_data,
            metadata.SESSION_END_INFO_TAG: metadata.parse_session_end_info_plugin_data,
        }[tag](content)
