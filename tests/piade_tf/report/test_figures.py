"""The figures: which files there are, what they show, and that nothing half-written is left."""

import dataclasses

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

from piade_tf.errors import InputError
from piade_tf.evaluation.picked_examples import EXAMPLES, Examples
from piade_tf.report import figures
from piade_tf.report.figure_labels import fitted
from piade_tf.report.figures import colour_limits, score_bins, write_figures

EVERY = [
    "reconstructions.png",
    "anomaly_maps.png",
    "roc.png",
    "precision_recall.png",
    "score_histogram.png",
    "training_curves.png",
]
HISTORY = {"loss": [1.0, 0.2, 0.05], "mse": [0.5, 0.1, 0.02], "val_loss": [1.1, 0.3, 0.4], "val_mse": [0.6, 0.2, 0.1]}


def make_examples(normal=2, anomalous=2, shape=(12, 12, 1), dtype="float32"):
    rng, n = np.random.default_rng(0), normal + anomalous
    images = rng.random((n, *shape))
    if dtype == "uint8":
        images *= 255
    labels = np.repeat([0, 1], [normal, anomalous])
    maps = rng.random((n, *shape[:2])).astype("float32") * (1 + 9 * labels[:, None, None])
    classes = np.array([f"class_{i}" for i in range(n)])
    images = images.astype(dtype)
    return Examples(images, images[:, ::-1], maps, labels, classes, rng.random(n), rng.uniform(0, 1, n))


def make_scores(normal=40, anomalous=60):
    rng = np.random.default_rng(1)
    return np.repeat([0, 1], [normal, anomalous]), np.r_[rng.normal(5, 1, normal), rng.normal(6, 1, anomalous)]


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_figure_is_a_png_of_sensible_size_and_nothing_else_is_left(tmp_path):
    folder = tmp_path / "run" / "figures"
    paths = write_figures(folder, make_examples(), *make_scores(), HISTORY, "title")
    assert paths == [folder / name for name in EVERY]
    assert sorted(folder.iterdir()) == sorted(paths)
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert all(400 < side < 2500 for side in picture.size)
            assert np.ptp(np.asarray(picture.convert("L"))) == 255


def test_writing_again_replaces_the_file(tmp_path):
    (path,) = write_figures(tmp_path, make_examples(0, 0), *make_scores(5, 0), {}, "first")
    before = path.read_bytes()
    assert write_figures(tmp_path, make_examples(0, 0), *make_scores(5, 0), {}, "second") == [path]
    assert path.read_bytes() != before


@pytest.mark.parametrize("normal, anomalous", [(30, 0), (0, 30)])
def test_one_kind_alone_has_no_curves(tmp_path, normal, anomalous):
    examples = make_examples(min(normal, 1), min(anomalous, 1))
    paths = write_figures(tmp_path, examples, *make_scores(normal, anomalous), {}, "title")
    assert [path.name for path in paths] == ["reconstructions.png", "anomaly_maps.png", "score_histogram.png"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_histogram_of_normals_alone_names_no_anomalous():
    assert legend_texts(figures.score_histogram_figure(*make_scores(30, 0), "title")) == ["normal (30)"]


def test_no_examples_no_scores_and_no_history_write_nothing(tmp_path):
    assert write_figures(tmp_path, make_examples(0, 0), *make_scores(0, 0), {"loss": []}, "title") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("shape", [(10, 30, 3), (30, 10, 1)])
def test_images_keep_their_proportions_colours_and_order(shape, dtype):
    examples = make_examples(3, 1, shape, dtype)
    figure = figures.reconstructions_figure(examples, "title")
    drawn = np.array([axes.images[0].get_array() for axes in figure.axes]).reshape(4, 2, *shape[:2], 3)
    scale, colours = (255 if dtype == "uint8" else 1), (4, *shape[:2], 3)
    np.testing.assert_allclose(drawn[:, 0], np.broadcast_to(examples.images / scale, colours), atol=1e-6)
    np.testing.assert_allclose(drawn[:, 1], np.broadcast_to(examples.reconstructions / scale, colours), atol=1e-6)
    box, page = figure.axes[0].get_position(), figure.get_size_inches()
    assert box.height * page[1] / (box.width * page[0]) == pytest.approx(shape[0] / shape[1])


def test_normal_stands_left_of_anomalous_with_the_ssim_below():
    examples = make_examples(3, 2)
    mixed = np.array([4, 0, 3, 1, 2])
    shuffled = Examples(*(getattr(examples, field.name)[mixed] for field in dataclasses.fields(Examples)))
    figure = figures.reconstructions_figure(shuffled, "title")
    above, below = figure.axes[0::2], figure.axes[1::2]
    assert [axes.get_title() for axes in above] == ["class_0", "class_1", "class_2", "class_4", "class_3"]
    assert [axes.get_xlabel() for axes in below] == [f"{examples.ssim[i]:.2f}" for i in (0, 1, 2, 4, 3)]
    left = [axes.get_position().x0 for axes in above]
    assert left == sorted(left)
    assert [text.get_text() for text in figure.texts if text.get_weight() == "bold"] == ["Normal", "Anomalous"]


def test_only_the_first_of_each_kind_are_shown():
    figure = figures.reconstructions_figure(make_examples(EXAMPLES + 3, 1), "title")
    assert len(figure.axes) == 2 * (EXAMPLES + 1)


def test_all_anomaly_maps_share_one_colour_scale_with_a_labelled_bar():
    examples = make_examples(2, 2)
    figure = figures.anomaly_maps_figure(examples, "title")
    coloured = [image for axes in figure.axes[:-1] for image in axes.images if image.get_cmap().name == figures.MAPS]
    maps = [image for image in coloured if image.get_array().ndim == 2]
    assert len(maps) == 8  # the map and the overlay of four examples
    assert {image.get_clim() for image in maps} == {colour_limits(examples.anomaly_maps)}
    assert "one colour scale" in figure.axes[-1].get_xlabel()


def test_colour_limits_ignore_a_few_hot_pixels():
    maps = np.random.default_rng(0).random((4, 50, 50))
    maps[0, 0, :3] = 1e6
    low, high = colour_limits(maps)
    assert low == 0
    assert 0.9 < high < 1.1


def test_colour_limits_leave_out_a_floor_that_all_maps_share():
    low, high = colour_limits(5 + np.random.default_rng(0).random((4, 50, 50)))
    assert 5 < low < 5.1 and 5.9 < high < 6


@pytest.mark.parametrize("value, expected", [(0.0, (0.0, 1.0)), (3.0, (0.0, 3.0))])
def test_colour_limits_of_constant_maps(value, expected):
    assert colour_limits(np.full((2, 8, 8), value)) == expected


def test_legends_state_auroc_aupr_and_base_rate():
    labels, scores = make_scores()
    assert f"AUROC {roc_auc_score(labels, scores):.3f}" in legend_texts(figures.roc_figure(labels, scores, "title"))
    texts = legend_texts(figures.precision_recall_figure(labels, scores, "title"))
    assert texts == [f"AUPR {average_precision_score(labels, scores):.3f}", "base rate 0.600"]


def test_precision_is_never_drawn_higher_than_a_threshold_has_it():
    labels, scores = np.array([0, 1, 1]), np.array([3.0, 2, 1])  # the highest score is a false alarm
    points = figures.precision_recall_figure(labels, scores, "title").axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(points, [(1, 2 / 3), (0.5, 0.5), (0, 0), (0, 0)])


def test_the_threshold_is_a_dot_on_the_curves_with_its_rates():
    labels, scores = np.array([0, 0, 0, 0, 1, 1]), np.array([1.0, 2, 3, 4, 3.5, 9])
    roc = figures.roc_figure(labels, scores, "title", 3.0)
    assert roc.axes[0].lines[-1].get_xydata().tolist() == [[0.25, 1.0]]
    assert "threshold 3: TPR 1.000, FPR 0.250" in legend_texts(roc)
    curve = figures.precision_recall_figure(labels, scores, "title", 3.5)  # what equals it is normal
    assert curve.axes[0].lines[-1].get_xydata().tolist() == [[0.5, 0.5]]
    assert "threshold 3.5: precision 0.500, recall 0.500" in legend_texts(curve)


def test_a_threshold_that_flags_no_image_has_no_precision():
    labels, scores = make_scores()
    figure = figures.precision_recall_figure(labels, scores, "title", 1e6)
    assert "threshold 1e+06: no image is flagged" in legend_texts(figure)
    assert figures.roc_figure(labels, scores, "title", 1e6).axes[0].lines[-1].get_xydata().tolist() == [[0.0, 0.0]]


def long_tail(kind):
    """Scores whose bins are even, logarithmic, or even with one for the rest."""
    rng = np.random.default_rng(0)
    normal = rng.lognormal(0, 0.3, 500) if kind == "logarithmic" else rng.normal(0, 1, 500)
    anomalous = {"even": rng.normal(3, 1, 500), "logarithmic": rng.lognormal(4, 2, 500)}
    return np.repeat([0, 1], 500), np.r_[normal, anomalous.get(kind, rng.lognormal(6, 2, 500))]


@pytest.mark.parametrize("kind", ["even", "logarithmic", "gathered"])
@pytest.mark.parametrize("place", [0.3, 0.5, 0.95])
def test_the_threshold_is_an_edge_and_no_bin_holds_both_verdicts(kind, place):
    labels, scores = long_tail(kind)
    threshold = float(np.sort(scores)[int(place * len(scores))])  # a score, as split conformal chooses one
    edges, logarithmic, gathered = score_bins(labels, scores, threshold)
    assert (logarithmic, gathered) == (kind == "logarithmic", kind == "gathered")
    assert threshold in edges and (np.diff(edges) > 0).all() and edges[0] <= scores.min() + 1e-9
    axes = figures.score_histogram_figure(labels, scores, "title", threshold).axes[0]
    outlines = [patch.get_data().values for patch in axes.patches if hasattr(patch, "get_data")][1::2]
    above = edges[:-1] >= threshold
    for label, shares in enumerate(outlines):
        np.testing.assert_allclose(shares[above].sum(), np.mean(scores[labels == label] > threshold))
        np.testing.assert_allclose(shares.sum(), 1)


@pytest.mark.parametrize("threshold", [-1e9, 1e9])
def test_a_threshold_beyond_all_scores_leaves_the_bins_as_they_are(threshold):
    labels, scores = make_scores()
    np.testing.assert_array_equal(score_bins(labels, scores, threshold)[0], score_bins(labels, scores)[0])


def test_scores_beside_each_other_have_the_same_places():
    assert figures.score_texts(np.array([9.0, -0.486, 0.00451])) == ["9.00", "-0.49", "0.00"]
    assert figures.score_texts(np.array([0.0123, 0.00451])) == ["0.0123", "0.00451"]
    assert figures.score_texts(np.array([12345.0, 1.0])) == ["1.23e+04", "1"]


@pytest.mark.parametrize("name", ["broken_small", "contamination", "T-shirt/top", "combined defects", "a_$b$_c"])
def test_the_name_of_a_class_is_whole_in_one_line_or_two(name):
    (text,), size = fitted([name], 0.62)
    assert text.replace("\n", "").replace(" ", "") == name.replace(" ", "")
    assert size >= 5.5 and text.count("\n") <= 1


def test_only_a_name_too_long_for_two_lines_is_cut():
    (text, short), size = fitted(["w" * 100, "good"], 0.62)
    assert text.endswith("\N{HORIZONTAL ELLIPSIS}") and text.count("\n") == 1 and size == 5.5
    assert short == "good"
    assert fitted(["good", "bad"], 0.62) == (["good", "bad"], 7.0)


def test_the_names_of_a_figure_have_one_size():
    texts, size = fitted(["good", "contamination"], 0.62)
    assert texts == ["good", "contamination"] and size < 7


def test_constant_scores_and_maps_are_drawn(tmp_path):
    examples = dataclasses.replace(make_examples(), anomaly_maps=np.zeros((4, 12, 12), "float32"))
    paths = write_figures(tmp_path, examples, np.array([0, 0, 1]), np.full(3, 2.0), {"loss": [1.0]}, "title")
    assert [path.name for path in paths] == EVERY


def test_bins_are_even_over_all_scores_without_a_tail():
    labels, scores = make_scores()
    edges, logarithmic, gathered = score_bins(labels, scores)
    assert not logarithmic and not gathered
    assert (edges[0], edges[-1]) == (scores.min(), scores.max())
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0])


def test_a_few_scores_far_out_are_gathered_in_the_last_bin():
    labels, scores = make_scores(500, 500)
    scores[-3:] = 500
    edges, logarithmic, gathered = score_bins(labels, scores)
    assert gathered and not logarithmic
    assert edges[-1] < 20
    figure = figures.score_histogram_figure(labels, scores, "title")
    assert figure.axes[0].texts[0].get_text().rstrip().endswith("to 500")


def test_a_long_tail_of_positive_scores_has_a_logarithmic_axis():
    rng = np.random.default_rng(0)
    labels, scores = np.repeat([0, 1], 500), np.r_[rng.lognormal(0, 0.3, 500), rng.lognormal(4, 2, 500)]
    edges, logarithmic, gathered = score_bins(labels, scores)
    assert logarithmic and not gathered
    assert edges[0] == scores.min() and edges[-1] == scores.max()
    assert figures.score_histogram_figure(labels, scores, "title").axes[0].get_xscale() == "log"


def test_a_long_tail_of_scores_below_zero_keeps_a_tenth_for_the_normals():
    rng = np.random.default_rng(0)
    labels, scores = np.repeat([0, 1], 500), np.r_[rng.normal(0, 1, 500), rng.lognormal(6, 2, 500)]
    edges, logarithmic, gathered = score_bins(labels, scores)
    start, stop = np.percentile(scores[:500], (1, 99))
    assert gathered and not logarithmic
    assert (stop - start) / (edges[-1] - edges[0]) > 0.09


@pytest.mark.parametrize("tail", [0.0, 50.0, 1e5])
def test_shares_of_each_kind_add_up_to_one_whatever_the_tail(tail):
    labels, scores = make_scores(100, 300)
    scores[-100:] += tail
    axes = figures.score_histogram_figure(labels, scores, "title").axes[0]
    sums = [patch.get_data().values.sum() for patch in axes.patches if hasattr(patch, "get_data")]
    np.testing.assert_allclose(sums, np.ones(4))  # a fill and an outline for each kind


def test_training_curves_have_a_panel_a_term_and_mark_the_best_epoch():
    figure = figures.training_curves_figure(HISTORY, "title")
    assert [axes.get_title() for axes in figure.axes] == ["total loss", "MSE"]
    assert legend_texts(figure) == ["training", "validation", "best epoch: 2"]
    for axes, term in zip(figure.axes, ("loss", "mse"), strict=True):
        training, validation, best = axes.lines
        assert list(training.get_xdata()) == [1, 2, 3]
        assert list(training.get_ydata()) == HISTORY[term]
        assert list(validation.get_ydata()) == HISTORY["val_" + term]
        assert set(best.get_xdata()) == {2}


def test_training_curves_without_validation_mark_no_epoch():
    assert legend_texts(figures.training_curves_figure({"loss": [1.0, 0.5]}, "title")) == ["training"]


def test_training_curves_pass_over_epochs_that_are_not_finite():
    figure = figures.training_curves_figure({"val_loss": [float("nan"), 2.0, 1.0, float("inf")]}, "title")
    assert legend_texts(figure) == ["validation", "best epoch: 3"]


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    def half(self, target, **kwargs):
        target.write_bytes(b"\x89PNG half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(InputError, match="disk full"):
        write_figures(tmp_path, make_examples(), *make_scores(), HISTORY, "title")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_keeps_the_earlier_figure(tmp_path, monkeypatch):
    earlier = tmp_path / "score_histogram.png"
    earlier.write_bytes(b"earlier")
    monkeypatch.setattr("piade_tf.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError("no permission")))
    with pytest.raises(InputError, match="no permission"):
        write_figures(tmp_path, make_examples(0, 0), *make_scores(), {}, "title")
    assert list(tmp_path.iterdir()) == [earlier]
    assert earlier.read_bytes() == b"earlier"


def test_signs_of_mathematics_in_names_are_printed_as_they_are(tmp_path):
    examples = dataclasses.replace(make_examples(1, 1), classes=np.array(["a_$b", "$\\frac$"]))
    paths = write_figures(tmp_path, examples, *make_scores(), HISTORY, "run $\\frac$ of a_b")
    assert len(paths) == len(EVERY)


def test_matplotlib_settings_are_left_as_they_were(tmp_path):
    before = dict(matplotlib.rcParams)
    write_figures(tmp_path, make_examples(0, 0), *make_scores(5, 0), {}, "title")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "odd",
    [{"text.usetex": True}, {"savefig.bbox": "tight"}, {"font.family": ["No Such Font"], "axes.facecolor": "black"}],
)
def test_settings_of_the_user_change_no_figure(tmp_path, odd):
    content = (make_examples(1, 1), *make_scores(), HISTORY, "title")
    expected = [path.read_bytes() for path in write_figures(tmp_path / "a", *content)]
    with matplotlib.rc_context(odd):
        assert [path.read_bytes() for path in write_figures(tmp_path / "b", *content)] == expected


def test_names_of_neighbours_do_not_touch():
    examples = make_examples(EXAMPLES, EXAMPLES)
    long = dataclasses.replace(examples, classes=np.array(["combined_defects"] * len(examples.images)))
    figure = figures.reconstructions_figure(long, "title")
    figure.set_dpi(figures.STYLE["savefig.dpi"])  # the widths of letters are whole pixels
    boxes = [axes.title.get_window_extent() for axes in figure.axes[0::2]]
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
