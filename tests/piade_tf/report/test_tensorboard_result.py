"""What TensorBoard is given of a finished run."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from event_files import Log
from matplotlib import colormaps
from sklearn.metrics import precision_recall_curve
from tensorboard.plugins.hparams import api_pb2, metadata

from piade_tf.evaluation.picked_examples import Examples
from piade_tf.evaluation.results import Results
from piade_tf.evaluation.scored_split import Scored
from piade_tf.pixels import to_bytes
from piade_tf.report.palette import MAPS
from piade_tf.report.tensorboard_result import log_result
from piade_tf.report.tensorboard_summaries import GAP, TILE


@pytest.fixture
def result(tmp_path):
    """The arguments of `log_result` for six test images with scores as they come, and their log."""
    rng = np.random.default_rng(0)
    labels, scores = np.array([0, 1, 0, 1, 1, 1]), np.array([-0.5, 7.0, 1.0, 0.5, 300.0, 1.0], "float32")
    png = tmp_path / "roc.png"
    png.write_bytes(tf.io.encode_png(rng.integers(0, 255, (20, 30, 3)).astype("uint8")).numpy())
    arguments = {
        "folder": tmp_path / "logs",
        "metrics": {
            "image_AUROC": 0.75,
            "image_AUPR": 0.5,
            "image_F1Max": 0.25,
            "image_AUROC_by_score": {"local": 0.125},
        },
        "history": {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 1.5, 2.0]},
        "labels": labels,
        "results": Results(
            Scored(scores, {"local": scores}),
            {},
            Examples(
                images=rng.random((3, 28, 28, 1), "float32"),
                reconstructions=rng.random((3, 28, 28, 1), "float32"),
                anomaly_maps=rng.random((3, 28, 28), "float32"),
                labels=np.array([0, 0, 1]),
                classes=np.array(["a", "a", "b"]),
                scores=np.zeros(3),
                ssim=np.zeros(3),
            ),
        ),
        "map_limit": 0.5,
        "figures": png.parent,
    }

    def write(**changed):
        shutil.rmtree(arguments["folder"], ignore_errors=True)
        log_result(**(arguments | changed))
        return Log(arguments["folder"])

    return SimpleNamespace(write=write, **arguments)


def test_the_metrics_are_those_given_and_the_loss_that_of_the_weights_kept(result):
    log = result.write()
    found = {tag: (log.steps(tag), float(log.values(tag)[0])) for tag in log.tags if tag.startswith("result/")}
    assert found == {
        "result/image_AUROC": ([3], 0.75),
        "result/image_AUPR": ([3], 0.5),
        "result/image_F1Max": ([3], 0.25),
        "result/val_loss": ([3], 1.5),
    }
    assert "| image_AUROC of local | 0.125 |" in log.text("metrics").splitlines()
    assert log.hparams(metadata.SESSION_END_INFO_TAG).status == api_pb2.STATUS_SUCCESS


def test_a_column_an_example_is_shown_and_figures_as_they_are(result):
    log = result.write()
    assert log.picture("examples_anomaly_map/normal").shape == (3 * (TILE + GAP), 2 * (TILE + GAP), 3)
    assert log.picture("examples_anomaly_map/anomalous").shape == (3 * (TILE + GAP), TILE + GAP, 3)
    assert log.values("figures/roc")[0][2] == (result.figures / "roc.png").read_bytes()
    assert log.picture("figures/roc").shape == (20, 30, 3)


def test_a_map_has_the_colours_of_its_threshold_whatever_else_is_shown(result):
    examples = result.results.examples
    flat = replace(examples, anomaly_maps=np.full((3, 28, 28), 0.1, "float32"))
    results = replace(result.results, examples=flat)
    map_of_normal = result.write(results=results, map_limit=1.0).picture("examples_anomaly_map/normal")[-TILE:, -TILE:]
    assert np.array_equal(map_of_normal, np.full((TILE, TILE, 3), to_bytes(np.array(colormaps[MAPS](0.05)[:3]))))


def test_the_precision_recall_curve_goes_through_the_points_of_the_scores(result):
    (curve,) = result.write().values("precision_recall/pr_curves")
    found = {(recall, precision) for precision, recall in curve[4:].T.astype(float).round(5).tolist()}
    precision, recall, _ = precision_recall_curve(result.labels, result.results.scored.pred_score)
    expected = set(zip(recall.round(5).tolist(), precision.round(5).tolist(), strict=True))
    assert {point for point in found if point != (0, 0)} == expected - {(0.0, 1.0)}


def test_the_scores_of_each_kind_are_counted(result):
    log = result.write()
    for kind, count in (("normal", 2), ("anomalous", 4)):
        assert log.steps(f"result_score/{kind}") == [0, 3]  # of one step alone a distribution is not drawn
        assert [buckets[:, 2].sum() for buckets in log.values(f"result_score/{kind}")] == [count, count]


def test_a_result_with_one_kind_leaves_out_what_needs_both(result):
    nothing = {"image_AUROC": None, "image_AUPR": None, "image_F1Max": None, "image_AUROC_by_score": None}
    log = result.write(metrics=nothing, labels=np.zeros(6, int))
    assert {tag for tag in log.tags if tag.startswith("result/")} == {"result/val_loss"}
    assert "| image_AUROC | not available |" in log.text("metrics").splitlines()
    assert "result_score/anomalous" not in log.tags and "precision_recall/pr_curves" not in log.tags


def test_a_warning_of_the_result_is_text_among_the_metrics(result):
    log = result.write(metrics=result.metrics | {"warnings": ["all is flat"]})
    assert "| warnings | all is flat |" in log.text("metrics").splitlines()
