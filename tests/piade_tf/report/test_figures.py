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
from piade_tf.report.figures import write_figures
from piade_tf.report.map_scale import last_colour, spread
from piade_tf.report.palette import LIGHT, MAPS
from piade_tf.report.score_histogram import MOST, count_in, score_bins, score_histogram

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


def light_ones(folder):
    """The files of a folder, without those for a dark page."""
    return sorted(path for path in folder.iterdir() if path.is_file())


def test_every_figure_is_a_png_of_sensible_size_for_a_light_and_a_dark_page_and_nothing_else_is_left(tmp_path):
    folder = tmp_path / "run" / "figures"
    paths = write_figures(folder, make_examples(), *make_scores(), HISTORY, "title")
    assert paths == [folder / name for name in EVERY]
    assert sorted(folder.iterdir()) == sorted([*paths, folder / "dark"])
    assert sorted(path.name for path in (folder / "dark").iterdir()) == sorted(EVERY)
    for path in paths:
        with Image.open(path) as light, Image.open(path.parent / "dark" / path.name) as dark:
            assert light.format == dark.format == "PNG" and light.size == dark.size
            assert all(400 < side < 2500 for side in light.size)
            assert light.convert("L").getpixel((0, 0)) == 255 and dark.convert("L").getpixel((0, 0)) < 32
            assert np.ptp(np.asarray(light.convert("L"))) > 200 and np.ptp(np.asarray(dark.convert("L"))) > 200


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
    assert light_ones(tmp_path) == sorted(paths)


def test_histogram_of_normals_alone_names_no_anomalous():
    figure = score_histogram(*make_scores(30, 0), "title", names=("good", ""))
    assert legend_texts(figure) == ["good (30)"] and "good" in figure.axes[0].get_ylabel()


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


@pytest.mark.parametrize("brighter", [1, 100])
def test_the_colours_of_all_anomaly_maps_are_set_by_their_threshold_whatever_is_shown(brighter):
    examples = make_examples(2, 2)
    examples = dataclasses.replace(examples, anomaly_maps=brighter * examples.anomaly_maps)
    figure = figures.anomaly_maps_figure(examples, "title", 0.75)
    coloured = [image for axes in figure.axes[:-1] for image in axes.images if image.get_cmap().name == MAPS]
    maps = [image for image in coloured if image.get_array().ndim == 2]
    assert len(maps) == 8  # the map and the overlay of four examples
    assert {image.get_clim() for image in maps} == {(0, 1.5)}
    assert [text.get_text() for text in figure.axes[-1].get_xticklabels()] == ["0", "threshold 0.75", "1.5"]


@pytest.mark.parametrize("maps, expected", [([0.0, 3.0], 3.0), ([0.0, 0.0], 1.0), ([], 1.0)])
def test_without_a_threshold_the_brightest_place_has_the_last_colour(maps, expected):
    assert last_colour(0.0, np.array(maps)) == expected


def test_before_there_is_a_threshold_a_few_hot_pixels_do_not_take_all_colours():
    maps = np.random.default_rng(0).random((4, 50, 50))
    maps[0, 0, :3] = 1e6
    low, high = spread(maps)
    assert low == 0
    assert 0.9 < high < 1.1


def test_before_there_is_a_threshold_a_floor_that_all_maps_share_is_left_out():
    low, high = spread(5 + np.random.default_rng(0).random((4, 50, 50)))
    assert 5 < low < 5.1 and 5.9 < high < 6


@pytest.mark.parametrize("value, expected", [(0.0, (0.0, 1.0)), (3.0, (0.0, 3.0))])
def test_constant_maps_have_a_scale_too(value, expected):
    assert spread(np.full((2, 8, 8), value)) == expected


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


def tailed(kind):
    """Scores of normal images, and of anomalous ones near or far away."""
    rng = np.random.default_rng(0)
    far = {"near": rng.normal(3, 1, 500), "far": rng.normal(60, 20, 500), "very far": rng.lognormal(6, 2, 500)}[kind]
    return np.repeat([0, 1], 500), np.r_[rng.normal(0, 1, 500), far]


@pytest.mark.parametrize("kind, gathered", [("near", False), ("far", True), ("very far", True)])
@pytest.mark.parametrize("place", [0.3, 0.5, 0.95])
def test_bins_are_even_the_same_for_both_kinds_and_the_threshold_is_between_two(kind, gathered, place):
    labels, scores = tailed(kind)
    threshold = float(np.sort(scores)[int(place * len(scores))])  # a score, as split conformal chooses one
    edges, has_rest = score_bins(labels, scores, threshold)
    assert has_rest == gathered
    assert threshold in edges and 10 <= len(edges) - 1 <= MOST + 2
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0])
    above = edges[:-1] >= threshold
    for label in (0, 1):
        shares = count_in(scores[labels == label], edges) / 500
        np.testing.assert_allclose(shares[above].sum(), np.mean(scores[labels == label] > threshold))
        np.testing.assert_allclose(shares.sum(), 1)


def test_a_tail_however_long_leaves_the_normal_scores_several_bins():
    labels, scores = tailed("very far")
    edges, gathered = score_bins(labels, scores, 3.0)
    start, stop = np.percentile(scores[labels == 0], (1, 99))
    assert gathered and (stop - start) / (edges[1] - edges[0]) > 5
    text = score_histogram(labels, scores, "title", 3.0).axes[0].texts[0].get_text()
    assert text.rstrip().endswith(f"to {scores.max():.3g}")


def test_a_threshold_far_beyond_all_scores_leaves_the_bins_as_they_are():
    labels, scores = make_scores()
    for threshold in (-1e9, 1e9):
        np.testing.assert_array_equal(score_bins(labels, scores, threshold)[0], score_bins(labels, scores)[0])


def test_what_lies_above_a_threshold_that_no_score_exceeds_is_seen():
    labels, scores = make_scores(30, 0)
    for threshold in (scores.max(), scores.max() + 1):
        edges, _ = score_bins(labels, scores, threshold)
        assert edges[-1] > threshold and threshold in edges


def test_a_threshold_that_promises_nothing_says_so_in_every_figure_that_shows_it(tmp_path):
    labels, scores = make_scores()
    aside = "set by hand"
    for draw in (score_histogram, figures.roc_figure, figures.precision_recall_figure):
        texts = legend_texts(draw(labels, scores, "title", 5.0, aside))
        assert any("threshold 5" in text and "set by hand" in text for text in texts)


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


@pytest.mark.parametrize("tail", [0.0, 50.0, 1e5])
def test_shares_of_each_kind_add_up_to_one_whatever_the_tail(tail):
    labels, scores = make_scores(100, 300)
    scores[-100:] += tail
    axes = score_histogram(labels, scores, "title").axes[0]
    sums = [sum(bar.get_height() for bar in bars) for bars in axes.containers]
    np.testing.assert_allclose(sums, np.ones(2))


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
    assert light_ones(tmp_path) == [earlier]
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
    figure.set_dpi(LIGHT.style["savefig.dpi"])  # the widths of letters are whole pixels
    boxes = [axes.title.get_window_extent() for axes in figure.axes[0::2]]
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
