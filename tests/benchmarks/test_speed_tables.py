"""The tables of speeds, from a CSV of which every number is known."""

import pytest

from benchmarks import speed_tables, table_parts
from benchmarks.speed_networks import NETWORKS
from benchmarks.speed_rounds import Comparison, Found, row
from piade_tf.files import write_csv

SECONDS = {
    "inference": {"product": [1.0], "pytorch": [0.004], "network-int8": [0.001], "scored-float32": [0.002],
                  "scored-saved_model": [0.003]},
    "training": {"product": [1.0], "ours": [0.1], "pytorch": [0.13]},
}  # fmt: skip


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    rows = []
    for what, seconds in SECONDS.items():
        found = Found(seconds, {}, multiply_adds=10**9, parameters=1, versions={})
        rows += [row(Comparison(what, NETWORKS[0], 1), found, candidate) for candidate in seconds]
    write_csv(tmp_path / "speed.csv", list(rows[0]), [list(each.values()) for each in rows])
    write_csv(tmp_path / "speed_cost.csv", ("side", "images", "statistics_seconds", "scores_seconds", "peak_MiB"),
              [(64, 1000, 2.5, 0.5, 900)])  # fmt: skip
    profile = [("forward", "_MklNativeConv2D", 6), ("gradients", "_FusedBatchNormV3Grad", 1), ("other", "Mul", 1)]
    write_csv(tmp_path / "training_profile.csv", ("image", "part", "operation", "ms_of_a_step"),
              [("128x128x3", *row) for row in profile] + [("28x28x1", "other", "Mul", 9)])  # fmt: skip
    monkeypatch.setattr(table_parts, "RESULTS", tmp_path)


def last_cells(table):
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()[2:]]


def test_training_stands_beside_pytorch_and_the_product():
    assert last_cells(speed_tables.speed_training()) == [
        ["`compact`, 28x28x1, batch 1", "10", "7.692", "1.30 (1.30 to 1.30)", "2", "116%", "90%"]
    ]


def test_inference_is_in_milliseconds_of_an_image_with_its_ratio_to_pytorch():
    assert last_cells(speed_tables.speed_inference()) == [["PyTorch, eager", "4 (1.00)"], ["`int8`", "1 (4.00)"]]


def test_files_with_their_score_stand_beside_float32():
    assert last_cells(speed_tables.speed_scored()) == [["`float32`", "2 (1.00)"], ["`saved_model`", "3 (1.50)"]]


def test_a_step_is_parted_by_kind_of_operation():
    assert last_cells(speed_tables.training_profile()) == [
        ["convolutions", "6.0", "0.0", "0.0", "75%"],
        ["batch normalisation", "0.0", "1.0", "0.0", "12%"],
        ["matrix products", "0.0", "0.0", "0.0", "0%"],
        ["noise on the images", "0.0", "0.0", "0.0", "0%"],
        ["element by element, sums, copies", "0.0", "0.0", "1.0", "12%"],
    ]


def test_cost_is_also_that_of_an_image():
    assert last_cells(speed_tables.speed_cost()) == [
        ["1,000 of 64x64", "2.5 s", "2.5 ms", "0.5 s", "0.5 ms", "900 MiB"]
    ]
