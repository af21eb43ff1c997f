"""`piade train`: from images to a run directory."""

import time

from piade_tf.cli.startup import import_tensorflow
from piade_tf.config import Config
from piade_tf.quiet import stderr_only_on_failure


def train(config: Config) -> int:
    """Trains, scores and exports: data, network, fit, scores, threshold, metrics, figures, report, export.

    Returns:
        The exit code: 0, or 3 if a file was rejected at export.

    Raises:
        InputError: the options or the data are not what they should be.
    """
    options = config.training
    import_tensorflow()
    with stderr_only_on_failure():
        # Imported here: --help and a mistyped option need not wait for them.
        from export.options import Export
        from export.run import export
        from piade_tf.data import batches, load_data
        from piade_tf.data.splits import all_normal
        from piade_tf.evaluation.results import labelled_results
        from piade_tf.evaluation.scored_split import BATCH, score_split
        from piade_tf.evaluation.threshold import check_method, fit_threshold
        from piade_tf.report import terminal
        from piade_tf.report.result_files import write_results
        from piade_tf.report.tensorboard_log import TensorBoardLog, log_result
        from piade_tf.run_directory import RunDirectory
        from piade_tf.scoring.score_set import ScoreSet
        from piade_tf.training.distribution import share_threads
        from piade_tf.training.trainer import build_trainer, fit, make_reproducible

        make_reproducible(options.seed)
        share_threads(config.data)

    data = load_data(config.data, options.seed)
    check_method(config.threshold, data.test.labels)
    trainer = build_trainer(config, data)
    run = RunDirectory.create(config, data.normal_class)
    run_config = run.write_config(config, data)
    run.write_skipped(data.skipped)
    terminal.show_start(config, data, trainer.network, run.path)

    logs = [TensorBoardLog(run.logs(), config, data)] if options.tensorboard else []
    start = time.monotonic()
    try:
        history = fit(trainer, config, data, logs)
    finally:
        run.write_network(trainer.network)
    training = {"train_seconds": round(time.monotonic() - start, 1), "epochs": len(history["loss"])}

    scorer = ScoreSet(config.loss.ssim_window)
    scorer.fit(trainer.network, batches(data.train, BATCH), batches(data.validation, BATCH))
    run.write_scorer(scorer)
    inspection = scorer.inspection_model(trainer.network, config.score)

    held_out = all_normal(data.calibration, data.normal_class)
    results = labelled_results(inspection, data.test, BATCH, config.loss.ssim_window, options.seed, held_out)
    normal = score_split(inspection, held_out, BATCH)
    threshold = fit_threshold(
        config.threshold, config.fpr, normal.pred_score, data.test.labels, results.scored.pred_score
    )
    run.write_threshold(threshold, fit_threshold("fpr", config.fpr, normal.map_max))

    title = f"{config.data.title}, normal: {data.normal_class}"
    metrics = write_results(run, run_config, title, inspection, data.test, results, threshold, history, training)
    if options.tensorboard:
        log_result(run.logs(), metrics, history, data.test.labels, results, run.figures())
    terminal.show_end(metrics, threshold, run.path)
    return export(Export(run.path, config.export), data) if config.export else 0
