"""`piade evaluate`: scores a run anew, on its own test images or on others."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated, Any

import tyro

from piade_tf.cli.startup import start_tensorflow
from piade_tf.config import DEEPEST, DataConfig, check_data
from piade_tf.errors import InputError
from piade_tf.files import check_folder
from piade_tf.lost_images import losses_told
from piade_tf.new_folder import make_new_folder
from piade_tf.stored_options import data_of

SOURCE = ("dataset", "data_dir", "category", "normal_class", "label_key")  # options that say where images come from


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Score the test images of a run anew, or those of another data set, at the run's threshold.

    piade evaluate RUN

    piade evaluate RUN --dataset folder --data-dir NEW_PARTS
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory that a training made."""
    dataset: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Another data set, as a training takes it. Left out: the run's own."""
    data_dir: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where its images are. Left out: where they were."""
    category: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Which product of mvtec or btad."""
    normal_class: Annotated[str | None, tyro.conf.arg(metavar="CLASS")] = None
    """The class that is normal there."""
    label_key: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """tfds:NAME only: which feature is the label."""
    batch_size: int = 32
    """Images at a time."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where metrics, scores, figures and report go. Left out: RUN/evaluations/DATASET-TIME."""


@losses_told()
def evaluate(options: Evaluate) -> None:
    """Writes the results and prints them.

    Raises:
        InputError: the run directory or the data are not what they should be.
    """
    if options.batch_size < 1:
        raise InputError(f"--batch-size must be at least 1, got {options.batch_size}")
    _check_target(options)
    start_tensorflow()
    from piade_tf.data import find_source
    from piade_tf.data.reading import labelled_split
    from piade_tf.detector import Detector
    from piade_tf.evaluation.results import labelled_results
    from piade_tf.evaluation.threshold import on_other_images
    from piade_tf.report import terminal
    from piade_tf.report.result_files import Judged, write_results
    from piade_tf.run_directory import RunDirectory

    run = RunDirectory(options.run)
    config = run.read_config()
    detector = Detector.load(options.run)
    data_config = _data_config(options, config)
    check_data(data_config)
    source = find_source(data_config, learn=_learned_from(data_config, config))
    test = labelled_split(source.test, detector.preparation)
    if not test.count:
        raise InputError(
            f"there are no test images ({source.layout}); give a data set that has some with --dataset and --data-dir"
        )

    training = config["options"]["training"]
    for warning in source.warnings:
        print(f"warning: {warning}")
    print(f"Found: {source.layout}. {test.count} images to test.", flush=True)
    window = config["options"]["loss"]["ssim_window"]
    results = labelled_results(detector.inspection, test, options.batch_size, window, training["seed"])
    target = RunDirectory(_make(options, data_config.dataset))
    title = f"{data_config.title}, normal: {source.normal_class}"
    evaluated = {
        "dataset": data_config.dataset,
        "normal_class": source.normal_class,
        "fingerprint": source.fingerprint,
    }
    shown = config | {"evaluated": evaluated}
    threshold = detector.threshold
    if (source.fingerprint, source.normal_class) != (config["data_fingerprint"], config["normal_class"]):
        threshold = on_other_images(threshold)
    judged = Judged(test, results.scored, threshold, detector.map_threshold, run.known_if_any())
    metrics = write_results(target, shown, title, detector.inspection, results, judged, {}, {"run": str(options.run)})
    terminal.show_end(metrics, threshold, target.path, "Evaluation")


def _data_config(options: Evaluate, config: dict[str, Any]) -> DataConfig:
    """The run's own data, or what the options give instead; sizes and colour stay those of the network."""
    stored = config["options"]["data"]
    own = data_of({name: stored[name] for name in SOURCE}) if options.dataset is None else DataConfig()
    given = {name: value for name in SOURCE if (value := getattr(options, name)) is not None}
    return dataclasses.replace(own, bits=(config["preparation"] or {}).get("bits", DEEPEST), **given)


def _learned_from(data_config: DataConfig, config: dict[str, Any]) -> bool:
    """Whether these are the images of the training, so that those that were learned are no test of it."""
    own = data_of(config["options"]["data"])
    same = [(one.dataset, one.category, one.data_dir and one.data_dir.resolve()) for one in (own, data_config)]
    return same[0] == same[1]


def _check_target(options: Evaluate) -> None:
    if options.out is not None and os.path.lexists(options.out):
        raise InputError(f"{options.out} exists already; choose another --out")
    if options.out is not None or options.run.is_dir():
        check_folder(options.out or options.run / "evaluations", "--out")


def _make(options: Evaluate, dataset: str) -> Path:
    path = options.out or options.run / "evaluations"
    try:
        if options.out is None:
            return make_new_folder(path, (dataset,))
        path.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"cannot make {path} ({error.strerror}); choose another --out") from None
    return path
