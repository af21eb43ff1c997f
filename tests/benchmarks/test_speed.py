"""benchmarks/speed.py: ratios within rounds, work that is counted, and what is measured only once."""

import sys

import pytest
import tensorflow as tf

from benchmarks import speed, speed_rounds
from benchmarks.network_cost import multiply_adds_of
from benchmarks.speed_networks import NETWORKS, Worker
from benchmarks.speed_rounds import PRODUCT_MULTIPLY_ADDS, Comparison, Found, row
from piade_tf.errors import InputError

COMPARISON = Comparison("training", NETWORKS[0], 32)
# The machine was twice as slow in the second round.
SECONDS = {"product": [1.0, 2.0, 1.0], "ours": [0.1, 0.2, 0.1], "pytorch": [0.2, 0.4, 0.1]}
FOUND = Found(SECONDS, {"pytorch": 2}, multiply_adds=PRODUCT_MULTIPLY_ADDS // 40, parameters=7, versions={})


def test_ratios_are_those_within_a_round():
    found = row(COMPARISON, FOUND, "ours")
    assert (found["least_ratio"], found["ratio_to_pytorch"], found["most_ratio"]) == (1, 2, 2)
    assert found["images_per_second"] == 320 and found["seconds"] == 0.1
    assert found["threads"] == 1 and row(COMPARISON, FOUND, "pytorch")["threads"] == 2


def test_speed_is_a_share_of_the_product_of_matrices_in_the_same_round():
    assert row(COMPARISON, FOUND, "ours")["share_of_product"] == pytest.approx(1 / 4)
    product = row(COMPARISON, FOUND, "product")
    assert product["share_of_product"] == 1
    assert product["gflop_per_second"] == pytest.approx(2e-9 * PRODUCT_MULTIPLY_ADDS, abs=0.01)
    assert product["images_per_second"] is None and product["ratio_to_pytorch"] is None


def test_a_comparison_that_stands_in_the_csv_is_not_made_again(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(speed, "training", lambda comparison, *others: made.append(comparison) or FOUND)
    others = COMPARISON._replace(batch=8)
    for comparison in (COMPARISON, COMPARISON, others, COMPARISON):
        speed.measure(comparison, tmp_path / "speed.csv", "python", 3, None)
    assert made == [COMPARISON, others]
    assert len((tmp_path / "speed.csv").read_text(encoding="utf-8").splitlines()) == 1 + 2 * len(SECONDS)


def test_networks_of_unequal_size_are_not_compared():
    speed_rounds.check_parameters(COMPARISON, 1000, 1000)
    with pytest.raises(InputError, match="1,000 parameters but PyTorch's 1,001"):
        speed_rounds.check_parameters(COMPARISON, 1000, 1001)


@pytest.mark.parametrize("python", [None, "/nowhere/python"])
def test_a_python_without_pytorch_is_refused_in_a_line(python):
    with pytest.raises(InputError, match="--torch must be a Python with torch"):
        speed.check_python(python)


def test_a_worker_that_ends_is_told_of():
    worker = Worker(sys.executable, "no_such_script.py", (), {})
    with pytest.raises(RuntimeError, match=r"no_such_script.py ended when it was asked for time"):
        worker.ask("time", candidate="ours")
    worker.end()


def test_both_gradients_of_a_layer_take_as_many_multiply_adds_as_the_layer():
    kernel, matrix = tf.Variable(tf.zeros((3, 3, 4, 8))), tf.Variable(tf.zeros((8, 5)))

    def step(images, gradients):
        with tf.GradientTape() as tape:
            tape.watch(images)
            maps = tf.nn.conv2d(images, kernel, 1, "SAME")
            loss = tf.reduce_sum(tf.matmul(tf.reduce_mean(maps, (1, 2)), matrix))
        return tape.gradient(loss, [images, kernel, matrix]) if gradients else loss

    def counted(gradients):
        graph = tf.function(lambda x: step(x, gradients)).get_concrete_function(tf.TensorSpec((2, 6, 7, 4))).graph
        return multiply_adds_of(graph)

    assert counted(False) == 2 * 6 * 7 * 8 * 9 * 4 + 2 * 8 * 5
    assert counted(True) == 3 * counted(False)
