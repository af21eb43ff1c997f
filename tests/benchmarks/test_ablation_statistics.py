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


AUROC = {("0", "0"): 0.80, ("0", "1"): 0.90, ("1", "0"): 0.70, ("1", "1"): 0.72, ("3", "0"): 0.60, ("3", "1"): 0.64}
WITHOUT_S_E = {("0", "0"): 0.79, ("0", "1"): 0.87, ("1", "0"): 0.70, ("1", "1"): 0.74}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Two seeds of three classes and half of a third seed; two classes without S-E; one class of a larger network."""
    networks = {
        ("compact", BASE): AUROC | {("0", "2"): 0.99},
        ("compact", "no_squeeze_excitation"): WITHOUT_S_E,
        ("paper", BASE): {("1", "0"): 0.65},
    }
    for (preset, ablation), values in networks.items():
        for (name, seed), auroc in values.items():
            cell = Cell("fashion_mnist", name, preset, "scratch", ablation, seed)
            scores = {f"image_AUROC_{score}": auroc for score in ("combined", "latent", "embedding", "local")}
            scores["image_AUROC_reconstruction"] = auroc - 0.01 * int(name)
            add_row(
                tmp_path / grid_tables.FASHION,
                dict.fromkeys(HEADER, "") | dict(zip(KEY, cell.key, strict=True)) | scores,
            )
    monkeypatch.setattr(table_parts, "RESULTS", tmp_path)
    return tmp_path


def shown(differences):
    """As the tables show paired differences, in points."""
    interval = ttest_1samp(differences, 0).confidence_interval()
    return f"{np.mean(differences):+.1f} | {interval.low:+.1f} to {interval.high:+.1f}"


def test_the_table_of_ablations_pairs_by_class_and_seed(results):
    _, _, base, without = grid_tables.of_ablations(grid_tables.FASHION, "combined").splitlines()
    assert base == "| the default | 4 | 78.0 +- 4.2 | | | |"
    assert without.startswith(f"| no squeeze-and-excitation | 4 | 77.5 +- 4.2 | {shown([-1, -3, 0, 2])} |")


def test_the_table_of_networks_has_what_all_of_them_have(results):
    header, _, *rows = grid_tables.of_networks(grid_tables.FASHION).splitlines()
    assert header == "| | pairs | `combined` | `reconstruction` | `latent` | `embedding` | `local` |"
    assert rows == [
        "| `compact` from scratch | 1 | 70.0 | 69.0 | 70.0 | 70.0 | 70.0 |",
        "| `paper` | 1 | 65.0 | 64.0 | 65.0 | 65.0 | 65.0 |",
    ]


def test_the_table_of_scores_pairs_by_class(results):
    combined, reconstruction = grid_tables.of_scores(grid_tables.FASHION).splitlines()[2:4]
    assert combined == "| `combined` | 3 | 72.7 +- 3.8 | | | |"
    assert reconstruction.startswith(f"| `reconstruction` | 3 | 71.3 +- 3.8 | {shown([0, -1, -3])} |")


def test_the_table_of_classes_has_each_class_and_the_mean_of_whole_seeds(results):
    table = grid_tables.of_classes(grid_tables.FASHION, "scratch")
    assert table.splitlines()[0] == "| 2 seeds | 0 | 1 | 3 | mean |"
    assert table.splitlines()[2] == "| `combined` | 85.0 +- 7.1 | 71.0 +- 1.4 | 62.0 +- 2.8 | 72.7 +- 3.8 |"


def test_the_table_of_classes_can_be_that_of_an_ablation_with_the_scores_that_it_leaves_alone(results):
    header, _, *rows = grid_tables.of_classes(
        grid_tables.FASHION, "scratch", "no_squeeze_excitation", ("combined", "pooled")
    ).splitlines()
    assert header == "| 2 seeds | 0 | 1 | mean |"
    (combined,) = rows
    assert combined.startswith("| `combined` | ") and combined.endswith(" | 77.5 +- 4.2 |")


def test_the_table_of_many_classes_has_the_mean_and_the_lowest(results):
    table = grid_tables.of_many_classes(grid_tables.FASHION, "scratch")
    assert table.splitlines()[0] == "| 2 seeds of 3 classes | mean | lowest |"
    assert table.splitlines()[2] == "| `combined` | 72.7 +- 3.8 | 60.0 (3, seed 0) |"


def test_a_figure_has_bars_for_the_classes_that_every_variant_has(results, tmp_path):
    rows = table_parts.read(grid_tables.FASHION)
    variants = {BASE: "default", "no_squeeze_excitation": "no S-E"}
    found = ablation_figures.heights(rows, variants, "reconstruction")
    assert list(found) == ["T-shirt", "Trouser"]
    assert found["T-shirt"]["no_squeeze_excitation"] == pytest.approx([0.79, 0.87])
    ablation_figures.draw(rows, variants, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_figures_show_ablations_that_there_are():
    assert set().union(*ablation_figures.FIGURES.values()) <= set(ABLATIONS)
