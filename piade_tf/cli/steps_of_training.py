"""The steps from images to a run directory; each that is done is kept in the run, and is not done again."""

import dataclasses
import time
from functools import cached_property
from typing import Any, Literal

import keras
import numpy as np

from export.options import Export
from export.publish.report_section import add_to_report
from export.run import export
from piade_tf import unfinished
from piade_tf.config import Config, DataConfig, Kind, NetworkConfig
from piade_tf.data import DataSplits, load_data
from piade_tf.data.caching import shuffled_alike
from piade_tf.data.known_images import known_images
from piade_tf.data.splits import all_normal
from piade_tf.errors import CannotGoOn
from piade_tf.evaluation.calibration import Calibrated, calibrated, calibration_for, good_images
from piade_tf.evaluation.mistakes import most_unusual
from piade_tf.evaluation.refit import for_maps
from piade_tf.evaluation.results import labelled_results
from piade_tf.evaluation.scored_split import BATCH
from piade_tf.evaluation.threshold import check_method, fit_threshold
from piade_tf.files import replacing
from piade_tf.interrupts import finishing
from piade_tf.progress import working
from piade_tf.report import terminal
from piade_tf.report.cut_log import cut_log
from piade_tf.report.result_files import Judged, write_results
from piade_tf.report.tensorboard_log import TensorBoardLog
from piade_tf.report.tensorboard_options import options_by_name
from piade_tf.report.tensorboard_result import log_result
from piade_tf.run_directory import RunDirectory
from piade_tf.scoring.parameters import ScoreParameters, parameters_for
from piade_tf.scoring.scorer_file import read_scorer
from piade_tf.stored_options import from_anywhere
from piade_tf.training.checkpoints import Checkpoints
from piade_tf.training.devices import describe_devices
from piade_tf.training.distribution import Distribution
from piade_tf.training.divergence import Diverged
from piade_tf.training.precision import in_float32
from piade_tf.training.resumption import Saved
from piade_tf.training.run_of_chief import check_same
from piade_tf.training.schedule import Schedule
from piade_tf.training.trainer import Trainer, build_trainer, fit

SCORES = "calibration.npz"  # of the calibration images


@dataclasses.dataclass
class Training:
    """A training with nothing left out.

    Attributes:
        config: the options.
        data: the splits.
        network_options: those of the network, with what scales with the image filled in.
        parameters: of the scores.
        way: how the threshold is chosen.
        schedule: of the training.
        distribution: over devices and machines.
        trainer: the network and its loss; None where it is trained already.
        run: the run directory; None until it has begun.
        is_resumed: whether the run was cut off before.
    """

    config: Config
    data: DataSplits
    network_options: NetworkConfig
    parameters: ScoreParameters
    way: Literal["split", "folds"]
    schedule: Schedule
    distribution: Distribution
    trainer: Trainer | None
    run: RunDirectory | None
    is_resumed: bool = False

    @classmethod
    def planned(cls, config: Config, distribution: Distribution, run: RunDirectory | None = None) -> "Training":
        """From the options, and the images.

        Args:
            config: the options.
            distribution: over devices and machines.
            run: to go on with.

        Raises:
            InputError: they are not what they should be, or not those of the run.
        """
        options = config.training
        data = shuffled_alike(load_data(config.data, options.seed), distribution.workers)
        check_same(distribution.workers, "the images", data.fingerprint)
        check_method(config.threshold, data.test.labels)
        if run is None:
            config.network.check_for_image(*data.image_shape[:2])
        network_options = config.network.for_image(*data.image_shape[:2])
        parameters = parameters_for(network_options.encoder, config.loss.ssim_window, data.kind)
        parameters.check_score(config.score)
        way = calibration_for(config.calibration, network_options.encoder, config.score, good_images(data))
        if run is not None and (run.path / "config.json").exists():  # an earlier version may have filled in others
            schedule = run.begun_schedule()
        else:
            schedule = Schedule.of(options, data.train.count, data.kind, network_options.encoder != "scratch")
        is_trained = run is not None and unfinished.is_done(run.path, "training")
        trainer = None
        if not is_trained:
            trainer = build_trainer(network_options, config.loss, options, schedule, data, distribution)
        return cls(
            config, data, network_options, parameters, way, schedule, distribution, trainer, run, run is not None
        )

    def begin(self, options: dict[str, Any]) -> RunDirectory:
        """Makes the run directory.

        Args:
            options: that the run is gone on with if it is cut off.
        """
        label = _label(self.config.data, self.data.kind, self.data.normal_class)
        self.run = RunDirectory.create(self.config.runs_dir, self.config.name, label)
        unfinished.begin(self.run.path, options)
        return self.run

    def carry_out(self) -> int:
        """Does the steps that are not done yet, and returns the exit code; raises as `train` does.

        Workers other than the chief take part in all but report and export, each with a run directory of its own that
        nobody keeps.
        """
        assert self.run is not None
        is_chief = self.distribution.workers.is_chief
        run, path = self.run, self.run.path
        config = self._described()
        network, history = self._trained(run)
        if not unfinished.is_done(path, "report"):
            fitted = self._calibrated(run, network)
            self._report(run, config, network, history, fitted)
            unfinished.mark_done(path, "report")
        exit_code = 0
        if self.config.export and is_chief:
            exit_code = export(Export(path, self.config.export, data_dir=self.config.data.data_dir), self.data)
        if is_chief:
            add_to_report(path / "report.html", path / "export")
            unfinished.end(path)
            terminal.show_next(path)
        self.distribution.workers.wait()
        return exit_code

    @cached_property
    def _stored(self) -> dict[str, Any]:
        """The options as `config.json` has them."""
        data = dataclasses.replace(self.config.data, data_dir=from_anywhere(self.config.data.data_dir))
        whole = dataclasses.replace(self.config, data=data, network=self.network_options, calibration=self.way)
        return {name: value for name, value in dataclasses.asdict(whole).items() if name != "resume"}

    def _described(self) -> dict[str, Any]:
        """The content of `config.json`, which is written by the process that begins."""
        assert self.run is not None
        if (self.run.path / "config.json").exists():
            config = self.run.begun_config()
            if config["data_fingerprint"] != self.data.fingerprint:
                raise CannotGoOn(
                    f"the images are not those that {self.run.path} was begun with: their fingerprint differs; put "
                    "them back as they were, or train anew under another --name"
                )
            return config
        self.run.write_skipped(self.data.skipped)
        return self.run.write_config(self._stored, dataclasses.asdict(self.schedule), self.data)

    def _trained(self, run: RunDirectory) -> tuple[keras.Model, dict[str, list[float]]]:
        """The trained network and the history."""
        if self.trainer is None:
            print("Its network is trained; going on with what is left.", flush=True)
            return run.read_network(), run.read_history()
        network, options, data = self.trainer.network, self.config.training, self.data
        checkpoints = Checkpoints(run.path / unfinished.FOLDER)
        saved = Saved.newest(checkpoints)
        devices = self.distribution.description() or describe_devices()
        terminal.show_start(self.config.data.title, data, network, run.path, devices, self.way == "folds")
        if saved:
            print(f"Going on after epoch {saved.epochs} of {self.schedule.epochs}.", flush=True)
        elif self.is_resumed:
            print("It has no checkpoint yet, and starts again with the first epoch.", flush=True)
        logs = []
        if options.tensorboard and self.distribution.workers.is_chief:
            done = saved.epochs if saved else 0
            cut_log(run.path / "logs", done)
            by_name = options_by_name(self._stored, self.schedule, data)
            logs.append(
                TensorBoardLog(
                    run.logs(), by_name, self.schedule, data, self.config.loss.ssim_window, options.seed, done
                )
            )
        start = time.monotonic() - (saved.seconds if saved else 0)
        with finishing():
            try:
                history = fit(
                    self.trainer,
                    self.schedule,
                    data,
                    options.seed,
                    self.config.data.augment,
                    logs,
                    checkpoints,
                    saved,
                    self.distribution,
                )
            except Diverged:
                run.write_network(in_float32(network, self.network_options, data))
                unfinished.end(run.path)
                raise
            network = in_float32(network, self.network_options, data)
            run.write_network(network)
            run.write_history(history)
            seconds = round(time.monotonic() - start, 1)
            unfinished.mark_done(run.path, "training", {"train_seconds": seconds, "epochs": len(history["loss"])})
        checkpoints.remove()
        # A network that is spread over devices is made one of this device alone.
        return (run.read_network() if self.distribution.strategy else network), history

    def _calibrated(self, run: RunDirectory, network: keras.Model) -> Calibrated:
        """Fitted scores, and those of the calibration images."""
        config, scores = self.config, run.path / unfinished.FOLDER / SCORES
        if unfinished.is_done(run.path, "calibration"):
            scorer = read_scorer(run.path / "scorer.npz", config.loss.ssim_window)
            with np.load(scores, allow_pickle=False) as found:
                return Calibrated(scorer, found["pred_score"], found["map_max"], int(found["folds"]))
        with working("fitting the statistics of normal images, and the threshold"):
            fitted = calibrated(
                network,
                self.parameters,
                self.data,
                config.data.augment,
                config.training.seed,
                config.score,
                self.way,
                self.distribution.workers,
            )
        run.write_scorer(fitted.scorer)
        with replacing(scores) as temporary, open(temporary, "wb") as file:
            np.savez(file, pred_score=fitted.pred_score, map_max=fitted.map_max, folds=np.array(fitted.folds))
        unfinished.mark_done(run.path, "calibration")
        return fitted

    def _report(
        self,
        run: RunDirectory,
        run_config: dict[str, Any],
        network: keras.Model,
        history: dict[str, list[float]],
        fitted: Calibrated,
    ) -> None:
        """Scores the test images, and writes what there is to say of them."""
        config, data, options = self.config, self.data, self.config.training
        inspection = fitted.scorer.inspection_model(network, config.score)
        held_out = all_normal(data.calibration, data.normal_class), fitted.pred_score[-data.calibration.count :]
        workers = self.distribution.workers
        results = labelled_results(
            inspection, data.test, BATCH, config.loss.ssim_window, options.seed, held_out, workers
        )
        if not workers.is_chief:
            return
        threshold = fit_threshold(
            config.threshold, config.fpr, fitted.pred_score, data.test.labels, results.scored.pred_score, fitted.folds
        )
        map_threshold = for_maps(threshold, fitted.pred_score, fitted.map_max)
        run.write_threshold(threshold, map_threshold)
        known = known_images(data, fitted.pred_score, fitted.map_max)
        run.write_known(known)

        title = f"{config.data.title}, normal: {data.normal_class}"
        judged = Judged(data.test, results.scored, threshold, map_threshold, known)
        unusual = most_unusual(inspection, data, known) if judged.good_only else []
        about = unfinished.about_step(run.path, "training")
        metrics = write_results(run, run_config, title, inspection, results, judged, history, about, unusual)
        if options.tensorboard:
            limit = map_threshold.value
            log_result(run.logs(), metrics, history, data.test.labels, results, limit, run.figures())
        terminal.show_end(metrics, threshold, run.path)
        terminal.show_odd(known, threshold)


def _label(data: DataConfig, kind: Kind, normal_class: str) -> tuple[str, ...]:
    """The words that a run is called by: a folder's own name, where its class is called good anyway."""
    if data.dataset == "folder" and data.data_dir is not None:
        folder = data.data_dir.resolve().name
        return (folder,) if kind == "parts" else (folder, normal_class)
    return (data.dataset, data.category or normal_class)
