"""The inspection graph: what the Keras model says, also of two vectors and of every score, after conversion."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from export.graph import FeaturesGraph, InspectionGraph
from export.quantization.refit import refit
from export.refusal import CannotRun
from export.saved_model import write_saved_model
from export.tflite.convert import to_litert
from export.tflite.flatbuffer import operators
from export.verification.verify import verify
from piade_tf.config import NetworkConfig
from piade_tf.data.preparation import Preparation
from piade_tf.model.network import build_network
from piade_tf.scoring.parameters import scratch_parameters
from piade_tf.scoring.score_set import ScoreSet

TWO_VECTORS = NetworkConfig(
    encoder="scratch",
    widths=(8, 16),
    magnifications=(1, 2),
    capsule_dim=4,
    vector_dim=6,
    upsampling=(16,),
    num_vectors=2,
)


@pytest.fixture(scope="module")
def fitted():
    """A network with weights that show, its scorer, and images `(6, 29, 32, 3)`, uint8: odd and not square."""
    tf.keras.utils.set_random_seed(0)
    network = build_network(TWO_VECTORS, 29, 32, 3)
    rng = np.random.default_rng(0)
    network.set_weights([rng.uniform(0.2, 1.0, w.shape) if "var" in w.name else rng.normal(0, 0.3, w.shape)
                         for w in network.weights])  # fmt: skip
    images = rng.integers(0, 256, (40, 29, 32, 3), "uint8")
    scorer = ScoreSet(scratch_parameters(7))
    scorer.fit(network, [images[:20] / np.float32(255)], [images[20:] / np.float32(255)])
    return network, scorer, images[:6]


@pytest.mark.parametrize("chosen", ["combined", "reconstruction", "latent", "embedding", "local"])
def test_a_converted_graph_says_what_the_keras_model_says(fitted, chosen, tmp_path):
    network, scorer, images = fitted
    graph = InspectionGraph(network, scorer, chosen)
    model = to_litert(write_saved_model(tmp_path / "saved", graph.inspect), "inspect")
    assert not any(name.startswith(("CUSTOM", "FLEX")) for name in operators(model))
    inspect = Interpreter(model_content=model).get_signature_runner("inspect")
    expected = scorer.inspection_model(network, chosen)(images / np.float32(255))
    for i, image in enumerate(images):
        found = inspect(image=image[None])
        for name in ("pred_score", "anomaly_map", "latent"):
            np.testing.assert_allclose(found[name][0], expected[name][i], rtol=2e-4, atol=2e-4, err_msg=name)
        difference = found["reconstruction"][0].astype(int) - 255 * np.asarray(expected["reconstruction"][i])
        assert np.abs(difference).max() <= 0.51


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_a_saved_model_of_free_size_prepares_each_image_of_a_batch(fitted, resize, tmp_path):
    network, scorer, _ = fitted
    preparation = Preparation((40, 32), resize, (29, 32), 3)
    images = np.random.default_rng(1).integers(0, 256, (2, 50, 61, 3), "uint8")
    graph = InspectionGraph(network, scorer, "combined", 2, preparation)
    inspect = tf.saved_model.load(str(write_saved_model(tmp_path, graph.inspect))).signatures["inspect"]
    found = inspect(image=tf.constant(images))
    prepared = np.stack([preparation(image) for image in images])
    expected = scorer.inspection_model(network, "combined")(prepared / np.float32(255))
    for name in ("pred_score", "anomaly_map", "latent"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_a_saved_model_of_free_size_is_measured_on_what_it_cuts_out(fitted, resize, tmp_path):
    network, scorer, images = fitted
    preparation = Preparation((40, 47), resize, (29, 32), channels=3)
    version = write_saved_model(tmp_path, InspectionGraph(network, scorer, "combined", 1, preparation).inspect)
    expected = scorer.inspection_model(network, "combined")(images / np.float32(255))
    found = verify(version, images, preparation.size)
    np.testing.assert_allclose(found["pred_score"], expected["pred_score"], rtol=2e-4, atol=2e-4)


def test_a_saved_model_equals_keras_although_tensorflow_may_compute_with_its_constants_ahead(fitted, tmp_path):
    network, scorer, images = fitted
    graph = InspectionGraph(network, scorer, "combined")
    version = write_saved_model(tmp_path, graph.inspect)
    saved = SavedModel.FromString((version / tf.saved_model.SAVED_MODEL_FILENAME_PB).read_bytes())
    operations = {node.op for node in saved.meta_graphs[0].graph_def.node}
    assert "Const" in operations
    assert not operations & {"PlaceholderWithDefault", "VarHandleOp", "ReadVariableOp"}  # what cannot be folded
    inspect = tf.saved_model.load(str(version)).signatures["inspect"]
    expected = scorer.inspection_model(network, "combined")(images / np.float32(255))
    for i, image in enumerate(images):
        found = inspect(image=tf.constant(image[None]))
        np.testing.assert_allclose(found["pred_score"][0], expected["pred_score"][i], rtol=1e-4, atol=1e-4)


def test_the_latent_is_the_longer_of_the_two_vectors(fitted, tmp_path):
    network, scorer, images = fitted
    graph = InspectionGraph(network, scorer, "latent")
    for image in images:
        vectors = np.asarray(network(image[None] / np.float32(255))["instantiation_vectors"])[0]
        longest = vectors[np.linalg.norm(vectors, axis=-1).argmax()]
        np.testing.assert_allclose(graph.inspect(tf.constant(image[None]))["latent"][0], longest, atol=1e-5)


def test_a_quantized_network_that_cannot_be_run_is_said_in_one_line(fitted):
    network, scorer, _ = fitted
    with pytest.raises(CannotRun, match="cannot be run by LiteRT") as error:
        refit(b"no model" * 20, FeaturesGraph(network, scorer), None, scorer)
    assert "\n" not in str(error.value)
