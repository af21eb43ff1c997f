"""`piade train`: from images to a run directory."""

import dataclasses
import time

from piade_tf.cli.startup import import_tensorflow
from piade_tf.config import Config, DataConfig, Kind, check
from piade_tf.lost_images import losses_told
from piade_tf.quiet import stderr_only_on_failure


@losses_told()
def train(config: Config) -> int:
    """Trains, scores and exports: data, network, fit, scores, threshold, metrics, figures, report, export.

    Returns:
        The exit code: 0, or 3 if a file was rejected at export.

    Raises:
        InputError: the options or the data are not what they should be.
    """
    check(config)
    options = config.training
    import_tensorflow()
    with stderr_only_on_failure():
        # Imported here: --help and a mistyped option need not wait for them.
        from export.options import Export
        from export.publish.report_section import add_to_report
        from export.run import export
        from piade_tf.data import load_data
        from piade_tf.data.catalogue import side_of
        from piade_tf.data.known_images import known_images
        from piade_tf.data.splits import all_normal
        from piade_tf.evaluation.calibration import calibrated, calibration_for, good_images
        from piade_tf.evaluation.mistakes import most_unusual
        from piade_tf.evaluation.results import labelled_results
        from piade_tf.evaluation.scored_split import BATCH
        from piade_tf.evaluation.threshold import check_method, fit_threshold
        from piade_tf.progress import working
        from piade_tf.report import terminal
        from piade_tf.report.result_files import Judged, write_results
        from piade_tf.report.tensorboard_log import TensorBoardLog, log_result, options_by_name
        from piade_tf.run_directory import RunDirectory
        from piade_tf.scoring.parameters import parameters_for
        from piade_tf.training.devices import describe_devices
        from piade_tf.training.distribution import share_threads
        from piade_tf.training.schedule import Schedule
        from piade_tf.training.trainer import build_trainer, fit, make_reproducible

        make_reproducible(options.seed, options.deterministic)
        share_threads(side_of(config.data))

    RunDirectory.check(config.runs_dir, config.name)
    data = load_data(config.data, options.seed)
    check_method(config.threshold, data.test.labels)
    network_options = config.network.for_image(*data.image_shape[:2])
    parameters = parameters_for(network_options.encoder, config.loss.ssim_window, data.kind)
    parameters.check_score(config.score)
    way = calibration_for(config.calibration, network_options.encoder, config.score, good_images(data))
    schedule = Schedule.of(options, data.train.count, data.kind, network_options.encoder != "scratch")
    trainer = build_trainer(network_options, config.loss, options, schedule, data)
    run = RunDirectory.create(config.runs_dir, config.name, _label(config.data, data.kind, data.normal_class))
    stored = dataclasses.asdict(dataclasses.replace(config, network=network_options, calibration=way))
    run_config = run.write_config(stored, dataclasses.asdict(schedule), data)
    run.write_skipped(data.skipped)
    terminal.show_start(config.data.title, data, trainer.network, run.path, describe_devices(), way == "folds")

    logs = []
    if options.tensorboard:
        by_name = options_by_name(stored, schedule, data)
        logs.append(TensorBoardLog(run.logs(), by_name, schedule, data, config.loss.ssim_window, options.seed))
    start = time.monotonic()
    try:
        history = fit(trainer, schedule, data, options.seed, config.data.augment, logs)
    finally:
        run.write_network(trainer.network)
    run.write_history(history)
    training = {"train_seconds": round(time.monotonic() - start, 1), "epochs": len(history["loss"])}

    with working("fitting the statistics of normal images, and the threshold"):
        fitted = calibrated(trainer.network, parameters, data, config.data.augment, options.seed, config.score, way)
    run.write_scorer(fitted.scorer)
    inspection = fitted.scorer.inspection_model(trainer.network, config.score)

    held_out = all_normal(data.calibration, data.normal_class), fitted.pred_score[-data.calibration.count :]
    results = labelled_results(inspection, data.test, BATCH, config.loss.ssim_window, options.seed, held_out)
    threshold = fit_threshold(
        config.threshold, config.fpr, fitted.pred_score, data.test.labels, results.scored.pred_score, fitted.folds
    )
    map_threshold = fit_threshold("fpr", config.fpr, fitted.map_max, folds=fitted.folds)
    run.write_threshold(threshold, map_threshold)
    known = known_images(data, fitted.pred_score, fitted.map_max)
    run.write_known(known)

    title = f"{config.data.title}, normal: {data.normal_class}"
    judged = Judged(data.test, results.scored, threshold, map_threshold, known)
    unusual = most_unusual(inspection, data, known) if judged.good_only else []
    metrics = write_results(run, run_config, title, inspection, results, judged, history, training, unusual)
    if options.tensorboard:
        log_result(run.logs(), metrics, history, data.test.labels, results, run.figures())
    terminal.show_end(metrics, threshold, run.path)
    terminal.show_odd(known, threshold)
    exit_code = export(Export(run.path, config.export), data) if config.export else 0
    add_to_report(run.path / "report.html", run.path / "export")
    terminal.show_next(run.path)
    return exit_code


def _label(data: DataConfig, kind: Kind, normal_class: str) -> tuple[str, ...]:
    """The words that a run is called by: a folder's own name, where its class is called good anyway."""
    if data.dataset == "folder" and data.data_dir is not None:
        folder = data.data_dir.resolve().name
        return (folder,) if kind == "parts" else (folder, normal_class)
    return (data.dataset, data.category or normal_class)
