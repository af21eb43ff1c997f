"""Mistakes that an export could make, each put into an `int8` file on purpose. `gate.py` shows that none ships."""

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray, read_model_from_bytearray
from keras import ops

from export.builder import Builder
from export.quantization import post_training
from export.quantization.refit import put_in_integers
from piade_tf.scoring.score_set import ScoreSet

CLIPPED_TO = 0.5
COARSER = 4
MOVED = 2  # pixels
FLIPPED, BIT = 0.01, 64  # share of the bytes of all weights, and the bit of each


class Sound:
    """A run's `int8` as it ships, and what it is made of.

    Attributes:
        builder: of the run.
        scorer: fitted to the quantized network.
        ranges: of its activations.
        content: the file.
    """

    def __init__(self, builder: Builder):
        self.builder = builder
        self.scorer = builder.refitted("static")
        self.ranges: dict[str, Any] = {}
        with mock.patch.object(post_training, "ranges_of", self._kept(post_training.ranges_of)):
            self.content = self.file()

    def _kept(self, ranges_of: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def kept(*arguments: Any) -> dict[str, Any]:
            self.ranges = ranges_of(*arguments)
            return self.ranges

        return kept

    def file(self, network: keras.Model | None = None, scorer: ScoreSet | None = None) -> bytes:
        """The file, with another network or scorer in the place of its own."""
        return self.builder.quantized(network or self.builder.network, scorer or self.scorer, "static")

    def with_ranges(self, ranges: dict[str, Any], scorer: ScoreSet | None = None) -> bytes:
        """The file, with these ranges of activations, by tensor."""
        with mock.patch.object(post_training, "ranges_of", lambda *_: ranges):
            return self.file(scorer=scorer)

    def behind(self, change: Callable[[Any], Any]) -> bytes:
        """The file, with its images changed first."""
        image = keras.Input(self.builder.network.input.shape[1:], name="image")
        return self.file(keras.Model(image, self.builder.network(change(image))))


def statistics_not_refitted(sound: Sound) -> bytes:
    """The statistics of the network in floats."""
    scorer = copy.deepcopy(sound.builder.scorer)
    put_in_integers(scorer)
    return sound.with_ranges(sound.ranges, scorer)


def statistics_of_other_places(sound: Sound) -> bytes:
    """Gaussians of the places of an image turned by 180 degrees; where there is one place, of its channels turned."""
    scorer = copy.deepcopy(sound.scorer)
    for score in scorer.gaussian_scores:
        for name, fitted in score.gaussians.items():
            if len(fitted.mean) == 1:
                score.gaussians[name] = dataclasses.replace(fitted, mean=fitted.mean[:, ::-1])
                continue
            score.gaussians[name] = dataclasses.replace(
                fitted, mean=fitted.mean[::-1], whitening=fitted.whitening[::-1]
            )
            score.steps[name] = score.steps[name][::-1]
    return sound.with_ranges(sound.ranges, scorer)


def channels_of_statistics_shuffled(sound: Sound) -> bytes:
    """The bank's channels in another order; where there is no bank, those of the means."""
    scorer = copy.deepcopy(sound.scorer)
    if scorer.bank and scorer.bank.bank is not None:
        scorer.bank.bank = scorer.bank.bank[:, np.random.default_rng(0).permutation(scorer.bank.bank.shape[1])]
        return sound.with_ranges(sound.ranges, scorer)
    for score in scorer.gaussian_scores:
        for name, fitted in score.gaussians.items():
            order = np.random.default_rng(0).permutation(fitted.mean.shape[1])
            score.gaussians[name] = dataclasses.replace(fitted, mean=fitted.mean[:, order])
    return sound.with_ranges(sound.ranges, scorer)


def ranges_clipped(sound: Sound) -> bytes:
    """Activations clipped to half of their range."""
    clipped = {
        name: {**seen, **{end: seen[end] * CLIPPED_TO for end in ("min", "max") if end in seen}}
        for name, seen in sound.ranges.items()
    }
    return sound.with_ranges(clipped)


def channels_swapped(sound: Sound) -> bytes:
    """Blue for red; white for black in grey images."""
    colour = sound.builder.network.input.shape[3] == 3
    return sound.behind((lambda image: image[..., ::-1]) if colour else (lambda image: 1 - image))


def wrong_input_scale(sound: Sound) -> bytes:
    """Images in [-1, 1] for [0, 1]."""
    return sound.behind(lambda image: 2 * image - 1)


def nearest_resize(sound: Sound) -> bytes:
    """Every fourth pixel, four times in each direction."""

    def coarse(image: Any) -> Any:
        height, width = image.shape[1:3]
        larger = ops.repeat(ops.repeat(image[:, ::COARSER, ::COARSER], COARSER, axis=1), COARSER, axis=2)
        return larger[:, :height, :width]

    return sound.behind(coarse)


def wrong_padding(sound: Sound) -> bytes:
    """Black of two pixels at the top and at the left, and as much cut off below and at the right."""
    return sound.behind(lambda image: ops.pad(image, ((0, 0), (MOVED, 0), (MOVED, 0), (0, 0)))[:, :-MOVED, :-MOVED])


def weights_permuted(sound: Sound) -> bytes:
    """The output channels of one convolution, in the middle of the encoder, in another order."""
    network = _copy(sound.builder.network)
    layers = [layer for layer in _encoder(network) if isinstance(layer, keras.layers.Conv2D)]
    kernel = layers[len(layers) // 2].kernel
    kernel.assign(np.asarray(kernel)[..., np.random.default_rng(0).permutation(kernel.shape[-1])])
    return sound.file(network)


def biases_zeroed(sound: Sound) -> bytes:
    """All biases of the encoder lost, those that batch normalisations become among them."""
    network = _copy(sound.builder.network)
    for layer in _encoder(network):
        for name in ("bias", "beta", "moving_mean"):
            if (bias := getattr(layer, name, None)) is not None:
                bias.assign(ops.zeros_like(bias))
    return sound.file(network)


def bits_flipped(sound: Sound) -> bytes:
    """One bit in a hundredth of all weights of 8 bits."""
    model = read_model_from_bytearray(sound.content)
    rng, seen = np.random.default_rng(0), set()
    for tensor in model.subgraphs[0].tensors:
        buffer = model.buffers[tensor.buffer]
        if tensor.type == schema.TensorType.INT8 and buffer.data is not None and tensor.buffer not in seen:
            seen.add(tensor.buffer)
            weights = np.frombuffer(bytes(buffer.data), np.uint8).copy()
            weights[rng.random(len(weights)) < FLIPPED] ^= BIT
            buffer.data = weights
    return bytes(convert_object_to_bytearray(model))


FILES: tuple[Callable[[Sound], bytes], ...] = (
    statistics_not_refitted,
    statistics_of_other_places,
    channels_of_statistics_shuffled,
    ranges_clipped,
    channels_swapped,
    wrong_input_scale,
    nearest_resize,
    wrong_padding,
    weights_permuted,
    biases_zeroed,
    bits_flipped,
)


def _copy(network: keras.Model) -> keras.Model:
    copied = keras.models.clone_model(network)
    copied.set_weights(network.get_weights())
    return copied


def _encoder(network: keras.Model) -> Iterator[Any]:
    """The layers whose features are compared, not those of a model within the model."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _encoder(layer)
        elif not layer.name.startswith(("decoder", "upsampling", "reconstruction")):
            yield layer
