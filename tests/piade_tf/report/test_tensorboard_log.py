"""What TensorBoard reads of a training, and what the log leaves alone."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from event_files import Log
from sklearn.metrics import roc_auc_score
from tensorboard.plugins.hparams import api_pb2, metadata

from piade_tf.config import Config, TrainingConfig
from piade_tf.data import batches
from piade_tf.errors import InputError
from piade_tf.evaluation.picked_examples import pick_indices
from piade_tf.report import tensorboard_log
from piade_tf.report.layer_graph import layer_graph
from piade_tf.report.tensorboard_log import ROUNDS, TIME_SHARE, TensorBoardLog
from piade_tf.report.tensorboard_options import FIRST, options_by_name
from piade_tf.report.tensorboard_summaries import GAP, TILE
from piade_tf.scoring.reconstruction_score import ReconstructionScore
from piade_tf.training.schedule import Schedule
from piade_tf.training.trainer import build_trainer, fit, make_reproducible

WINDOW = 7


def configured(network, **options):
    return Config(
        network=network, training=TrainingConfig(**{"epochs": 2, "batch_size": 20, "learning_rate": 1e-3, **options})
    )


def scheduled(config, data):
    return Schedule.of(config.training, data.train.count, data.kind, pretrained=False)


def options_of(config, data):
    resolved = dataclasses.replace(config, network=config.network.for_image(*data.image_shape[:2]))
    return options_by_name(dataclasses.asdict(resolved), scheduled(config, data), data)


def log_of(folder, config, data):
    options = options_of(config, data)
    return TensorBoardLog(folder, options, scheduled(config, data), data, WINDOW, config.training.seed)


def run(config, data, folder=None):
    """Trains with a log into `folder`, or without one."""
    make_reproducible(config.training.seed)
    schedule = scheduled(config, data)
    trainer = build_trainer(config.network, config.loss, config.training, schedule, data)
    history = fit(
        trainer, schedule, data, config.training.seed, callbacks=[log_of(folder, config, data)] if folder else []
    )
    return SimpleNamespace(trainer=trainer, history=history, config=config)


@pytest.fixture(scope="module")
def logged(tiny, splits, tmp_path_factory):
    """Two epochs and their log."""
    folder = tmp_path_factory.mktemp("logs")
    result = run(configured(tiny), splits, folder)
    logs = {name: Log(folder / name) for name in ("train", "validation")}
    return SimpleNamespace(**vars(result), root=Log(folder), **logs)


class Driven:
    """A log whose training is played by a test, with the test's clock."""

    def __init__(self, trainer, config, data, folder, monkeypatch):
        self.folder, self.now = folder, 1000.0
        monkeypatch.setattr(tensorboard_log, "time", SimpleNamespace(perf_counter=lambda: self.now))
        self.log = log_of(folder, config, data)
        self.log.set_model(trainer)
        self.log.on_train_begin()

    def epoch(self, number, executions=((1, 1.0),), validation=0.0, **logs):
        """Plays epoch `number`, from 1: each execution as its last batch and its seconds."""
        self.log.on_epoch_begin(number - 1)
        for batch, seconds in executions:
            self.now += seconds
            self.log.on_train_batch_end(batch)
        self.log.on_test_begin()
        self.now += validation
        self.log.on_epoch_end(number - 1, {"loss": 1.0, "val_loss": 1.0} | logs)

    def end(self):
        self.log.on_train_end()
        return Log(self.folder)


@pytest.fixture
def driven(logged, splits, tmp_path, monkeypatch):
    return lambda data=splits, **options: Driven(
        logged.trainer, configured(logged.config.network, **options), data, tmp_path, monkeypatch
    )


# === Scalars ===


def test_every_loss_of_the_history_is_written_at_its_epoch(logged):
    tags = {"loss": "loss/total", "mse": "loss/mse", "one_minus_ssim": "loss/one_minus_ssim"}
    assert set(logged.history) == {*tags, *(f"val_{name}" for name in tags)}
    for log, prefix in ((logged.train, ""), (logged.validation, "val_")):
        assert {tag for tag in log.tags if tag.startswith("loss/")} == set(tags.values())
        for name, tag in tags.items():
            assert log.steps(tag) == [1, 2]
            np.testing.assert_allclose(log.values(tag), logged.history[prefix + name], rtol=1e-6)


def test_the_learning_rate_follows_the_cosine(logged):
    rate = logged.config.training.learning_rate
    np.testing.assert_allclose(logged.train.values("training/learning_rate"), [rate / 2, 0], atol=1e-9)


def test_the_speed_leaves_out_the_first_execution_and_the_validation(driven):
    training = driven()
    training.epoch(1, [(0, 50.0), (1, 1.0)], validation=70.0)
    training.epoch(2, [(0, 2.0), (1, 2.0)], validation=70.0)
    training.end()
    speeds = Log(training.folder / "train").values("training/images_per_second")
    np.testing.assert_allclose(speeds, [20 / 1, 40 / 4])


def test_no_speed_is_written_where_the_first_execution_is_the_whole_epoch(driven):
    training = driven()
    training.epoch(1, [(1, 50.0)])
    training.epoch(2, [(1, 2.0)])
    training.end()
    assert Log(training.folder / "train").steps("training/images_per_second") == [2]


# === Rounds of images, histograms and the watched AUROC ===


@pytest.fixture(scope="module")
def normal_and_anomalous_scores(logged, splits):
    """The reconstruction scores of all test images, of the network as it is after training."""
    images = np.concatenate(list(batches(splits.test, 20)))
    outputs = logged.trainer.network(images, training=False)
    return np.asarray(ReconstructionScore(WINDOW)(tf.constant(images), outputs).pred_score)


def test_the_watched_auroc_is_that_of_the_reconstruction_score(driven, splits, normal_and_anomalous_scores):
    training = driven()
    training.epoch(1)
    log = training.end()
    expected = roc_auc_score(splits.test.labels, normal_and_anomalous_scores)
    np.testing.assert_allclose(log.values("watch_only/image_AUROC_reconstruction"), [expected], rtol=1e-6)


def test_no_auroc_is_written_without_both_kinds(driven, splits):
    test = splits.test
    normal = dataclasses.replace(
        test, items=test.items.take(8), count=8, labels=test.labels[:8], classes=test.classes[:8], ids=test.ids[:8]
    )
    training = driven(dataclasses.replace(splits, test=normal))
    training.epoch(1)
    log = training.end()
    assert "watch_only/image_AUROC_reconstruction" not in log.tags
    assert "examples/normal" in log.tags and "examples/anomalous" not in log.tags


def test_the_examples_stand_above_their_reconstructions_and_error_maps(driven, splits):
    training = driven()
    training.epoch(1)
    picture = training.end().picture("examples/anomalous")
    assert picture.shape == (3 * (TILE + GAP), 5 * (TILE + GAP), 3)
    images = np.stack(list(splits.test.images.as_numpy_iterator()))
    shown = images[pick_indices(splits.test, 5, 0)[5:]]
    enlarged = shown[0].repeat(TILE // 28, axis=0).repeat(TILE // 28, axis=1)
    np.testing.assert_array_equal(picture[GAP : GAP + TILE, GAP : GAP + TILE], np.repeat(enlarged, 3, axis=-1))
    colourless = np.ptp(picture.astype(int), axis=-1).max(axis=1) == 0
    assert colourless[: 2 * (TILE + GAP)].all() and not colourless[2 * (TILE + GAP) + GAP :].all()


def test_the_score_histograms_count_every_watched_image(driven, splits, normal_and_anomalous_scores):
    training = driven()
    training.epoch(1)
    log = training.end()
    for label, kind in enumerate(("normal", "anomalous")):
        (buckets,) = log.values(f"watch_only_reconstruction_score/{kind}")
        scores = normal_and_anomalous_scores[splits.test.labels == label]
        assert buckets[:, 2].sum() == len(scores)
        np.testing.assert_allclose((buckets[0, 0], buckets[-1, 1]), (scores.min(), scores.max()), rtol=1e-5)


def test_the_vector_lengths_of_the_validation_images_are_written_for_each_vector(logged, splits):
    tags = {tag for tag in logged.validation.tags if "vector" in tag}
    assert tags == {"instantiation_vector_length/vector_1", "instantiation_vector_length/vector_2"}
    for tag in tags:
        buckets = logged.validation.values(tag)[0]
        assert buckets[:, 2].sum() == splits.validation.count
        assert 0 < buckets[0, 0] < buckets[-1, 1] < 1


def test_rounds_are_few_however_many_epochs_there_are(driven):
    training = driven(epochs=35)
    for number in range(1, 36):
        training.epoch(number)
    steps = training.end().steps("examples/normal")
    assert steps == list(range(1, 36, math.ceil(35 / ROUNDS)))
    assert len(steps) <= ROUNDS


def test_a_round_waits_while_the_log_has_taken_too_much_of_the_time(driven):
    training = driven(epochs=5)
    training.epoch(1)
    training.log.seconds = (TIME_SHARE + 0.001) * 100
    training.now = 1000.0 + 98.9
    training.epoch(2)  # ends after 99.9 s
    assert Log(training.folder).steps("examples/normal") == [1]
    training.now += 10
    training.epoch(3)
    assert training.end().steps("examples/normal") == [1, 3]
    assert Log(training.folder / "train").steps("loss/total") == [1, 2, 3]


def test_a_round_shows_the_same_once_it_is_traced(driven):
    training = driven(epochs=2)
    training.epoch(1, [(1, 1000.0)])
    training.epoch(2, [(1, 1000.0)])  # the weights are as before
    log = training.end()
    first, second = log.values("watch_only/image_AUROC_reconstruction")
    assert first == second
    first, second = log.values("watch_only_reconstruction_score/normal")
    np.testing.assert_allclose(first, second, rtol=1e-4)


# === Options and network ===


def test_the_options_are_there_as_text(logged, splits):
    rows = logged.root.text("options").splitlines()
    assert "| learning_rate | 0.001 |" in rows
    assert "| network.stem_stride | 4 |" in rows
    assert len(rows) == 2 + len(options_of(logged.config, splits))


def test_options_are_named_as_on_the_command_line_and_filled_in(tiny, splits):
    options = options_of(configured(tiny, epochs=None, patience=None), splits)
    assert (options["epochs"], options["patience"], options["rotation"]) == (375, 75, 0.0)
    assert (options["category"], options["crop"]) == ("auto", "none")
    assert (options["normal_class"], options["image_size"]) == ("up", 28)
    assert (options["loss.ssim"], options["network.grid"], options["network.widths"]) == (0.5, True, "8")
    assert options["network.decoder_widths"] == "8"


def test_the_hparams_tab_gets_every_option_and_the_metrics(logged, splits):
    options = options_of(logged.config, splits)
    started = logged.root.hparams(metadata.SESSION_START_INFO_TAG).hparams
    assert {name: getattr(value, value.WhichOneof("kind")) for name, value in started.items()} == options
    experiment = logged.root.hparams(metadata.EXPERIMENT_TAG)
    types = {info.name: info.type for info in experiment.hparam_infos}
    assert set(types) == set(options)
    assert types["network.grid"] == api_pb2.DATA_TYPE_BOOL
    assert types["learning_rate"] == types["epochs"] == api_pb2.DATA_TYPE_FLOAT64
    assert types["score"] == api_pb2.DATA_TYPE_STRING
    assert {info.name for info in experiment.hparam_infos if info.differs} == set(FIRST)
    metrics = {info.display_name: info.name.tag for info in experiment.metric_infos}
    assert metrics == {name: f"result/{name}" for name in ("image_AUROC", "image_AUPR", "image_F1Max", "val_loss")}


def test_the_graph_has_a_node_a_layer_and_only_edges_between_them(logged):
    network = logged.trainer.network
    written = tf.compat.v1.GraphDef.FromString(logged.root.events.Graph().SerializeToString())
    assert written == layer_graph(network)
    nodes = {node.name: node for node in written.node}
    assert len(nodes) == len(network.layers)
    assert nodes["stage0/block0/add"].input == ["stem/relu", "stage0/block0/se"]
    assert nodes["latent"].input == ["instantiation_vectors"] and nodes["latent"].op == "LongestVector"
    assert {name for node in written.node for name in node.input} == set(nodes) - {"reconstruction"}


# === Training goes on as without a log ===


def test_training_is_the_same_without_a_log(tiny, splits, logged):
    plain = run(configured(tiny), splits)
    assert plain.history == logged.history
    for weight, expected in zip(plain.trainer.network.get_weights(), logged.trainer.network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_mirrored_training_is_logged_too(tiny, splits, tmp_path):
    history = run(configured(tiny, epochs=1, strategy="mirrored"), splits, tmp_path).history
    np.testing.assert_allclose(Log(tmp_path / "train").values("loss/total"), history["loss"], rtol=1e-6)
    assert {"examples/normal", "watch_only/image_AUROC_reconstruction"} <= Log(tmp_path).tags


def test_the_log_of_a_diverged_training_can_be_read(tiny, splits, tmp_path):
    with pytest.raises(InputError, match="NaN or infinite"):
        run(configured(tiny, learning_rate=1e30), splits, tmp_path)
    (loss,) = Log(tmp_path / "train").values("loss/total")
    assert not np.isfinite(loss)
    log = Log(tmp_path)
    assert "options" in log.tags and "examples/normal" not in log.tags
