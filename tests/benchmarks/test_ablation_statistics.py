"""Paired differences against their definitions, and the tables that show them."""

import itertools

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from benchmarks import ablation_figures, grid_tables, table_parts
from benchmarks.ablations import ABLATIONS, BASE
from benchmarks.grid import add_row
from benchmarks.grid_cell import HEADER, KEY, Cell
from benchmarks.paired import paired_difference


def test_interval_and_p_are_students_and_all_signs():
    values = np.random.default_rng(0).normal(0.3, 1.0, 7)
    found = paired_difference(values)
    interval = ttest_1samp(values, 0).confidence_interval()
    assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), interval.low, interval.high))
    means = [np.mean(values * signs) for signs in itertools.product((1, -1), repeat=7)]
    assert found.p == pytest.approx(np.mean(np.abs(means) >= abs(values.mean()) - 1e-12))


def test_pairs_that_all_differ_alike_have_the_least_p_there_is():
    assert paired_difference([0.1] * 5).p == pytest.approx(2 / 2**5)


def test_without_a_difference_nothing_is_claimed():
    assert paired_difference([0.0] * 4) == (0.0, 0.0, 0.0, 1.0)


def test_one_pair_has_a_mean_and_no_more():
    assert paired_difference([0.2]) == (0.2, None, None, None)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Two seeds of two classes: without S-E ten percent less. One more class of the default; a larger network once."""
    cells = [
        (Cell("fashion_mnist", name, "compact", "scratch", ablation, seed), 0.8 + 0.1 * int(seed) - less)
        for name, seed in itertools.product("013", "01")
        for ablation, less in ((BASE, 0.0), ("no_squeeze_excitation", 0.1))
        if name != "3" or ablation == BASE
    ]
    cells += [(Cell("fashion_mnist", name, "paper", "scratch", BASE, "0"), 0.7) for name in "03"]
    for cell, auroc in cells:
        scores = {
            "image_AUROC_combined": auroc,
            "image_AUROC_reconstruction": auroc - 0.03 * (cell.normal_class == "3"),
        }
        add_row(
            tmp_path / grid_tables.FASHION,
            dict.fromkeys(HEADER, "") | dict(zip(KEY, cell.key, strict=True)) | scores,
        )
    monkeypatch.setattr(table_parts, "RESULTS", tmp_path)
    return tmp_path


def test_the_table_of_ablations_pairs_by_class_and_seed(results):
    table = grid_tables.of_ablations(grid_tables.FASHION, "combined")
    header, _, base, without, paper = table.splitlines()
    assert base == "| the default | 4 | 85.0 +- 7.1 | | | |"
    assert without.startswith("| no squeeze-and-excitation | 4 | 75.0 +- 7.1 | -10.0 | -10.0 to -10.0 | 0.125 |")
    assert paper == "| preset `paper` | 1 | 70.0 | -10.0 | - | - |"  # of class 3 there is no ablation


def test_the_table_of_scores_pairs_by_class(results):
    combined, reconstruction = grid_tables.of_scores(grid_tables.FASHION).splitlines()[2:4]
    assert combined == "| `combined` | 3 | 85.0 +- 7.1 | | | |"
    interval = ttest_1samp([0, 0, -3], 0).confidence_interval()
    assert reconstruction == (
        f"| `reconstruction` | 3 | 84.0 +- 7.1 | -1.0 | {interval.low:+.1f} to {interval.high:+.1f} | 1.000 |"
    )


def test_the_table_of_classes_has_each_class_and_the_mean(results):
    table = grid_tables.of_classes(grid_tables.FASHION, "scratch")
    assert table.splitlines()[0] == "| 2 seeds | 0 | 1 | 3 | mean |"
    assert table.splitlines()[2] == "| `combined` | 85.0 +- 7.1 | 85.0 +- 7.1 | 85.0 +- 7.1 | 85.0 +- 7.1 |"


def test_the_table_of_many_classes_has_the_mean_and_the_lowest(results):
    table = grid_tables.of_many_classes(grid_tables.FASHION, "scratch")
    assert table.splitlines()[0] == "| 2 seeds of 3 classes | mean | lowest |"
    assert table.splitlines()[2] == "| `combined` | 85.0 +- 7.1 | 80.0 (0, seed 0) |"


def test_a_figure_has_bars_for_the_classes_that_every_variant_has(results, tmp_path):
    rows = table_parts.read(grid_tables.FASHION)
    variants = {BASE: "default", "no_squeeze_excitation": "no S-E"}
    found = ablation_figures.heights(rows, variants, "reconstruction")
    assert list(found) == ["T-shirt", "Trouser"]
    assert found["T-shirt"]["no_squeeze_excitation"] == pytest.approx([0.7, 0.8])
    ablation_figures.draw(rows, variants, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_figures_show_ablations_that_there_are():
    assert set().union(*ablation_figures.FIGURES.values()) <= set(ABLATIONS)
