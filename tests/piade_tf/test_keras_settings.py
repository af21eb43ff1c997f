"""Settings that a program has made for its own networks are not changed, but named where they do not fit."""

import keras
import pytest

from piade_tf.errors import InputError
from piade_tf.keras_settings import NEEDED, settle_keras


def test_the_settings_that_are_needed_pass():
    settle_keras()


@pytest.mark.parametrize(
    "name, other", [("image_data_format", "channels_first"), ("floatx", "float64"), ("dtype_policy", "mixed_float16")]
)
def test_another_setting_is_named_with_the_call_that_mends_it(name, other):
    change = getattr(keras.config, f"set_{name}")
    change(other)
    try:
        with pytest.raises(InputError, match=other) as error:
            settle_keras()
        assert f"keras.config.set_{name}({NEEDED[name]!r})" in str(error.value)
        exec(f"keras.config.set_{name}({NEEDED[name]!r})")
        settle_keras()
    finally:
        change(NEEDED[name])


def test_another_backend_is_named_with_the_variable_that_sets_it(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(InputError, match="'jax'.*KERAS_BACKEND=tensorflow"):
        settle_keras()
