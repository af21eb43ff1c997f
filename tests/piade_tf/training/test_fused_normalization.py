"""TensorFlow's fused operation trains as Keras' layer does, and leaves nothing of itself in the network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from piade_tf.training.fused_normalization import fuse_normalization

SHAPE = (6, 5, 4)
IMAGES = np.random.default_rng(0).normal(2, 3, (7, *SHAPE)).astype("float32")
STEEPNESS = np.random.default_rng(1).normal(size=IMAGES.shape).astype("float32")


def network(dtype="float32", trainable=True):
    """Of a map and of what it is flattened to."""
    image = keras.Input(SHAPE)
    x = keras.layers.BatchNormalization(momentum=0.7, dtype=dtype, trainable=trainable, name="of_map")(image)
    flat = keras.layers.BatchNormalization(dtype=dtype, name="of_vector")(keras.layers.Flatten()(x))
    built = keras.Model(image, {"map": x, "vector": flat})
    random = np.random.default_rng(2)
    for weight in built.weights:
        weight.assign(random.uniform(0.5, 2, weight.shape))
    return built


def step(model):
    """Output of a training step, gradients of the images and of the weights, and all weights afterwards."""
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        found = model(images, training=True)["map"]
        loss = tf.reduce_sum(tf.cast(found, "float32") * STEEPNESS)
    names = model.trainable_variables[:2]
    return [found, *tape.gradient(loss, [images, *(weight.value for weight in names)]), *model.weights]


def operations(model):
    call = tf.function(lambda images: model(images, training=True), input_signature=[tf.TensorSpec((None, *SHAPE))])
    return [operation.type for operation in call.get_concrete_function().graph.get_operations()]


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 2e-2)])
def test_a_step_is_that_of_keras(dtype, tolerance):
    plain, fused = network(dtype), network(dtype)
    fuse_normalization(fused)
    for expected, found in zip(step(plain), step(fused), strict=True):
        expected, found = (np.asarray(keras.ops.cast(values, "float32")) for values in (expected, found))
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_a_single_value_a_channel_has_no_variance():
    image = keras.Input((1, 1, 3))
    fused = keras.Model(image, keras.layers.BatchNormalization()(image))
    fuse_normalization(fused)
    found = fused(np.ones((1, 1, 1, 3), "float32"), training=True)
    np.testing.assert_allclose(found, 0, atol=1e-6)
    np.testing.assert_allclose(fused.layers[1].moving_variance, 0.99, rtol=1e-6)


def test_maps_alone_are_fused_and_not_where_they_are_frozen():
    fused, frozen = network(), network(trainable=False)
    assert "FusedBatchNormV3" not in operations(fused)
    fuse_normalization(fused), fuse_normalization(frozen)
    assert operations(fused).count("FusedBatchNormV3") == 1
    assert "FusedBatchNormV3" not in operations(frozen)


def test_outside_training_and_saved_it_is_the_layer_of_keras(tmp_path):
    plain, fused = network(), network()
    fuse_normalization(fused)
    np.testing.assert_array_equal(plain(IMAGES)["map"], fused(IMAGES)["map"])
    fused.save(tmp_path / "network.keras")
    reloaded = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    assert [layer.get_config() for layer in reloaded.layers] == [layer.get_config() for layer in fused.layers]
    np.testing.assert_array_equal(reloaded(IMAGES)["vector"], fused(IMAGES)["vector"])
