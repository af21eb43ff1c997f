"""What holds for every layer: shapes, graphs, configs, dtypes, saving, backends."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

BATCH = 3


def example(case, dtype="float32"):
    return np.random.default_rng(1).normal(size=(BATCH, *case.input_shape)).astype(dtype)


def arguments_of(layer_class):
    return set(inspect.signature(layer_class.__init__).parameters)


def test_computed_symbolic_and_real_output_shapes_agree(case):
    layer = case.layer(**case.arguments)
    symbolic_input = keras.Input(case.input_shape)
    symbolic_output = layer(symbolic_input)
    model = keras.Model(symbolic_input, symbolic_output)
    assert layer.compute_output_shape((None, *case.input_shape)) == (None, *case.output_shape)
    assert symbolic_output.shape == (None, *case.output_shape)
    assert model(example(case)).shape == (BATCH, *case.output_shape)


def test_computes_the_output_shape_before_it_is_built(case):
    layer = case.layer(**case.arguments)
    assert layer.compute_output_shape((BATCH, *case.input_shape)) == (BATCH, *case.output_shape)
    assert not layer.built


@pytest.mark.parametrize("batch", [None, BATCH])
def test_tf_function_equals_eager(case, randomize, batch):
    layer = case.layer(**case.arguments)
    layer.build((None, *case.input_shape))
    randomize(layer)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((batch, *case.input_shape))])
    np.testing.assert_allclose(graph(example(case)), layer(example(case)), rtol=0, atol=1e-6)


def test_an_image_has_the_same_result_alone_and_in_a_batch(case, randomize):
    layer = case.layer(**case.arguments)
    layer.build((None, *case.input_shape))
    randomize(layer)
    images = example(case)
    alone = np.concatenate([layer(images[i : i + 1]) for i in range(BATCH)])
    np.testing.assert_allclose(alone, layer(images), rtol=0, atol=1e-6)


def test_constructor_arguments_attributes_and_config_keys_are_the_same_words(case):
    own_arguments = arguments_of(case.layer) - arguments_of(keras.layers.Layer)
    layer = case.layer(**case.arguments)
    config = layer.get_config()
    assert set(config) - set(keras.layers.Layer().get_config()) == own_arguments
    assert {key: config[key] for key in case.arguments} == case.arguments
    assert {key: getattr(layer, key) for key in own_arguments} == {key: config[key] for key in own_arguments}


def test_config_makes_an_equal_layer(case):
    config = case.layer(**case.arguments, name="named", dtype="mixed_float16", trainable=False).get_config()
    assert case.layer.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("policy", "tolerance"),
    [("float16", 0.02), ("bfloat16", 0.1), ("mixed_float16", 0.02), ("mixed_bfloat16", 0.1), ("float64", 1e-5)],
)
def test_respects_the_dtype_policy(case, randomize, policy, tolerance):
    single = case.layer(**case.arguments)
    single.build((None, *case.input_shape))
    layer = case.layer(**case.arguments, dtype=policy)
    layer.build((None, *case.input_shape))
    output = layer(example(case, "float64"))
    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in layer.weights} <= {keras.DTypePolicy(policy).variable_dtype}

    randomize(layer), randomize(single)
    np.testing.assert_allclose(
        tf.cast(layer(example(case)), "float32"), single(example(case)), rtol=tolerance, atol=tolerance
    )


def test_fresh_process_uses_the_asked_backend_and_layers_import_no_other(reloaded):
    assert reloaded.backend in reloaded.frameworks
    assert reloaded.backend == "tensorflow" or "tensorflow" not in reloaded.frameworks


def test_reloaded_layers_have_the_same_config(saved, reloaded):
    assert reloaded.configs == saved.configs


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_reloaded_layers_give_the_same_outputs(saved, reloaded, mode):
    expected, actual = getattr(saved, mode), getattr(reloaded, mode)
    assert set(actual) == set(expected)
    for name in expected:
        assert actual[name].dtype == expected[name].dtype
        tolerance = 1e-5 if name.endswith("float32") else 4e-3
        np.testing.assert_allclose(actual[name], expected[name], rtol=0, atol=tolerance, err_msg=name)
