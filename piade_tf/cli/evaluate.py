"""`piade evaluate`: scores a run anew, on its own test images or on others."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from piade_tf.cli.startup import start_tensorflow
from piade_tf.config import DEEPEST, DataConfig, check_data
from piade_tf.errors import InputError
from piade_tf.files import check_folder
from piade_tf.lost_images import losses_told
from piade_tf.new_folder import make_new_folder
from piade_tf.stored_options import data_of

if TYPE_CHECKING:
    from piade_tf.data.source import Source

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
    from piade_tf.data.not_learned import not_learned
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
    known = run.known_if_any()
    source = _source(data_config, config)
    found = labelled_split(source.test, detector.preparation)
    if not found.count:
        raise InputError(
            f"there are no test images ({source.layout}); give a data set that has some with --dataset and --data-dir"
        )
    is_own = (source.fingerprint, source.normal_class) == (config["data_fingerprint"], config["normal_class"])
    were_parted = is_own and not any(one.added for one in known)  # what was learned is not among them
    test = found if were_parted else not_learned(found, known)
    if not test.count:
        raise InputError(
            f"all {found.count} images were learned or held out by the run and are no test of it ({source.layout}); "
            "give others with --dataset and --data-dir"
        )

    training = config["options"]["training"]
    for warning in source.warnings:
        print(f"warning: {warning}")
    if found.count > test.count:
        print(
            f"note: {found.count - test.count} of {found.count} images were learned or held out by the run and are "
            "left out"
        )
    if not known and source.fingerprint != config["data_fingerprint"]:
        print(
            f"warning: {options.run} was trained by an earlier version, which did not keep what it learned; if such "
            "images are among these, the result looks better than it is"
        )
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
    if not is_own:
        threshold = on_other_images(threshold)
    judged = Judged(test, results.scored, threshold, detector.map_threshold, known)
    metrics = write_results(target, shown, title, detector.inspection, results, judged, {}, {"run": str(options.run)})
    terminal.show_end(metrics, threshold, target.path, "Evaluation")


def _data_config(options: Evaluate, config: dict[str, Any]) -> DataConfig:
    """The run's own data, or what the options give instead; sizes and colour stay those of the network."""
    stored = config["options"]["data"]
    own = data_of({name: stored[name] for name in SOURCE}) if options.dataset is None else DataConfig()
    given = {name: value for name in SOURCE if (value := getattr(options, name)) is not None}
    return dataclasses.replace(own, bits=(config["preparation"] or {}).get("bits", DEEPEST), **given)


def _source(data_config: DataConfig, config: dict[str, Any]) -> "Source":
    """The images: those of the training parted as there, and all others for testing.

    Where they lie is a first guess, which spares reading them twice; what they are decides.
    """
    from piade_tf.data import find_source

    stored = data_of(config["options"]["data"])
    places = [(one.dataset, one.category, one.data_dir and one.data_dir.resolve()) for one in (stored, data_config)]
    guess = places[0] == places[1]
    parted = data_config if stored.group_by is None else dataclasses.replace(data_config, group_by=stored.group_by)

    def found(learn: bool) -> "Source":
        try:
            return find_source(parted, learn)
        except InputError:
            if parted == data_config:
                raise
            return find_source(data_config, learn)  # names of others need not say what belongs together

    source = found(learn=guess)
    is_own = source.fingerprint == config["data_fingerprint"]
    return source if is_own == guess else found(learn=is_own)


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
