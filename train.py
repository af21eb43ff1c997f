"""Train PIADE on normal images, score the test set, and leave a run directory. See --help."""

import os
import sys
import time

from piade_tf.command_line import errors_in_one_line, parse_config
from piade_tf.config import Config
from piade_tf.quiet import stderr_only_on_failure

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported


def train(config: Config) -> None:
    """From images to a run directory: data, network, fit, scores, metrics, figures."""
    options = config.training
    with stderr_only_on_failure():
        # Imported here: --help and a mistyped option need not wait for TensorFlow.
        from piade_tf import report
        from piade_tf.data import batches, load_data
        from piade_tf.distribution import share_threads
        from piade_tf.evaluation import image_metrics, score_split
        from piade_tf.examples import pick_examples
        from piade_tf.figures import SHOWN, write_figures
        from piade_tf.run_directory import RunDirectory
        from piade_tf.scorer import Scorer
        from piade_tf.tensorboard import TensorBoardLog, log_result
        from piade_tf.training import build_trainer, fit, make_reproducible

        make_reproducible(options.seed)
        share_threads()

    data = load_data(config.data, options.seed)
    trainer = build_trainer(config, data)
    run = RunDirectory.create(config, data.normal_class)
    run.write_config(config, data)
    run.write_skipped(data.skipped)
    report.show_start(config, data, trainer.network, run.path)

    logs = [TensorBoardLog(run.logs(), config, data)] if options.tensorboard else []
    start = time.monotonic()
    try:
        history = fit(trainer, config, data, logs)
    finally:
        run.write_network(trainer.network)
    seconds = time.monotonic() - start

    scorer = Scorer(config.loss.ssim_window)
    scorer.fit(trainer.network, batches(data.train, options.batch_size), batches(data.validation, options.batch_size))
    run.write_scorer(scorer)

    inspection = scorer.inspection_model(trainer.network, config.score)
    scored = score_split(inspection, data.test, options.batch_size)
    run.write_scores(data, scored)
    metrics = image_metrics(data.test.labels, scored) | {
        "train_seconds": round(seconds, 1),
        "epochs": len(history["loss"]),
    }
    run.write_metrics(metrics)

    examples = pick_examples(inspection, data.test, scored, SHOWN, config.loss.ssim_window, options.seed)
    title = f"{config.data.dataset}, normal: {data.normal_class}"
    figures = write_figures(run.figures(), examples, data.test.labels, scored.pred_score, history, title)
    if options.tensorboard:
        log_result(run.logs(), metrics, history, data.test.labels, scored, examples, figures)
    report.show_end(metrics, run.path)


if __name__ == "__main__":
    with errors_in_one_line():
        train(parse_config(sys.argv[1:]))
