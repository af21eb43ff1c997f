"""The inspection graph: an image as the camera gives it in, score, map and reconstruction out."""

from typing import Any

import keras
import tensorflow as tf

from export.graph_preparation import prepared_in_graph
from export.quantization.full_integer_routing import network_in_integers
from piade_tf.config import ScoreName
from piade_tf.data.preparation import Preparation
from piade_tf.pixels import to_bytes, to_unit
from piade_tf.scoring.score_set import ScoreSet

OUTPUTS = ("pred_score", "anomaly_map", "reconstruction", "latent")
SCORE_SCOPE, PYRAMID, ROUTING = "score", "pyramid_pooling", "instantiation_vectors"  # names that quantization goes by


class InspectionGraph(tf.Module):
    """Network and score in one TensorFlow function.

    Attributes:
        inspect: takes `image`, `(batch, height, width, channels)`, uint8, 0 to 255, and returns `pred_score`
            `(batch,)`, float32; `anomaly_map` `(batch, height, width)`, float32; `reconstruction`, as `image`; `latent`
            `(batch, vector_dim)`, float32. With `preparation` any height and width, brought to size inside.
    """

    def __init__(
        self,
        network: keras.Model,
        scorer: ScoreSet,
        chosen: ScoreName,
        batch: int = 1,
        preparation: Preparation | None = None,
    ):
        super().__init__()
        self.network = network
        shape = (None, None, network.input.shape[3]) if preparation else network.input.shape[1:]

        @tf.function(input_signature=[tf.TensorSpec((batch, *shape), tf.uint8, name="image")])
        def inspect(image):
            if preparation is not None:
                image = tf.stack([prepared_in_graph(preparation, one) for one in tf.unstack(image)])
            images = to_unit(image)
            with tf.name_scope("network"):
                outputs = network(images, training=False)
            with tf.name_scope(SCORE_SCOPE):
                score = scorer.decide(images, outputs, chosen)
            return {
                "pred_score": score.pred_score,
                "anomaly_map": score.anomaly_map,
                "reconstruction": to_bytes(outputs["reconstruction"]),
                "latent": outputs["latent"],
            }

        self.inspect = inspect


class FeaturesGraph(tf.Module):
    """The network and what its scores compare with normal images; see `ScoreSet.features`.

    Attributes:
        features: takes `image` as `InspectionGraph.inspect` does, and returns the features.
        names: by the name of an output, which must be an identifier, that of the feature.
    """

    def __init__(self, network: keras.Model, scorer: ScoreSet):
        super().__init__()
        self.network = network
        self.names = {name.replace("/", "__"): name for name in scorer.features(network.output)}

        @tf.function(input_signature=[tf.TensorSpec((1, *network.input.shape[1:]), tf.uint8, name="image")])
        def features(image):
            with tf.name_scope("network"):
                outputs: Any = network(to_unit(image), training=False)
            with tf.name_scope(SCORE_SCOPE):
                found = scorer.features(outputs)
                return {name: found[feature] for name, feature in self.names.items()}

        self.features = features

    def features_in(self, found: dict[str, Any]) -> dict[str, Any]:
        """The features among what `features` returned."""
        return {feature: found[name] for name, feature in self.names.items()}


class NetworkGraph(tf.Module):
    """The network alone, for integers throughout: its score is computed outside, from its outputs.

    Attributes:
        inspect: takes `image`, `(batch, height, width, channels)`, float32 in [0, 1], and returns `reconstruction`,
            `latent`, `instantiation_vectors` and the feature maps that scores compare with normal images.
    """

    def __init__(self, network: keras.Model, scorer: ScoreSet, batch: int):
        super().__init__()
        self.network = network_in_integers(network)
        self.scorer = scorer
        compared = {name for names in scorer.sources(network.output).values() for name in names}

        @tf.function(input_signature=[tf.TensorSpec((batch, *network.input.shape[1:]), tf.float32, name="image")])
        def inspect(image):
            with tf.name_scope("network"):
                outputs: Any = self.network(image, training=False)
            return {name: outputs[name] for name in ("reconstruction", "latent", *sorted(compared))}

        self.inspect = inspect

    def features_in(self, found: dict[str, Any]) -> dict[str, Any]:
        """The features among what `inspect` returned; see `ScoreSet.features`."""
        return {name: keras.ops.convert_to_numpy(values) for name, values in self.scorer.features(found).items()}
