import numpy as np
import pytest
import tensorflow as tf

from piade_tf.pixels import to_bytes, to_unit

EVERY = np.arange(256, dtype="uint8")


def test_black_is_0_and_white_is_1():
    found = to_unit(EVERY)
    assert found.dtype == np.float32 and found[0] == 0 and found[255] == 1


@pytest.mark.parametrize("traced", [False, True])
def test_arrays_and_tensors_get_the_same_float32_up_to_the_last_bit(traced):
    convert = tf.function(to_unit) if traced else to_unit
    np.testing.assert_allclose(convert(tf.constant(EVERY)).numpy(), to_unit(EVERY), rtol=1.2e-7 if traced else 0)


@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_there_and_back_gives_the_same_bytes(kind):
    np.testing.assert_array_equal(np.asarray(to_bytes(to_unit(kind(EVERY)))), EVERY)


@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_what_is_beyond_black_or_white_is_black_or_white(kind):
    found = np.asarray(to_bytes(kind(np.array([-0.5, 1.5], "float32"))))
    assert found.tolist() == [0, 255] and found.dtype == np.uint8
