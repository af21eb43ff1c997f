"""`piade threshold`: another threshold for a trained run, written everywhere that shows one."""

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from piade_tf.cli.startup import start_tensorflow
from piade_tf.errors import InputError
from piade_tf.lost_images import losses_told
from piade_tf.program import command, path_word

if TYPE_CHECKING:
    import numpy as np

    from piade_tf.data.known_images import KnownImage
    from piade_tf.evaluation.threshold import Threshold
    from piade_tf.report.rejudged_files import Pictures
    from piade_tf.run_directory import RunDirectory

OFFERED = (0.01, 0.02, 0.05, 0.1, 0.2)  # false-alarm rates


@dataclasses.dataclass(frozen=True)
class SetThreshold:
    """Show the threshold of a run, or set another one, without training again.

    piade threshold RUN

    piade threshold RUN --fpr 0.05

    piade threshold RUN --good more_good_parts/

    The first shows what others would give and changes nothing. The others fit the threshold again from the scores of
    the calibration images that the run has stored, print what changes, and write it everywhere at once: the run and its
    report, and each exported file with its metadata, manifest, golden verdicts and model card. Killed in between, the
    run is the old one or the new one. Use --dry-run to look first.

    Too many false alarms: lower --fpr, and give more good images with --good; 1 in 100 takes 99 of them. Too many
    misses: raise --fpr. New parts, lamp or camera: see piade adapt.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory that a training made."""
    fpr: float | None = None
    """The share of normal images that may be taken for anomalous; promised as far as the number of calibration images
    allows."""
    sigma: float | None = None
    """Mean and so many standard deviations of the calibration scores. Promises nothing."""
    value: float | None = None
    """This very number, on the scale of the run's scores. Promises nothing, and everything that shows it says so. A
    file whose scores differ has it moved by the quantiles of its own calibration scores."""
    good: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A folder of more good images that were not trained on. They join the calibration images for good, and are to stay
    where they are."""
    dry_run: bool = False
    """Print what would change, and change nothing."""


@losses_told()
def set_threshold(options: SetThreshold) -> None:
    """Prints the change and makes it.

    Raises:
        InputError: the run, a number or the folder is not what it should be, or another process is changing the run.
    """
    _check(options)
    start_tensorflow()
    from piade_tf.run_directory import RunDirectory
    from piade_tf.run_lock import changing

    run = RunDirectory(options.run)
    run.read_config()
    if options.good is None and options.fpr is options.sigma is options.value is None:
        _show(run, run.read_known())
        return
    with changing(run.path, "piade threshold"):
        _set(options, run, run.read_known())


def _check(options: SetThreshold) -> None:
    given = [name for name in ("fpr", "sigma", "value") if getattr(options, name) is not None]
    if len(given) > 1:
        raise InputError(f"--{given[0]} and --{given[1]} are two ways to choose one threshold; give one of them")
    if options.good is not None and options.value is not None:
        raise InputError("--good adds images to fit to, and --value fits to nothing; leave one of them out")
    if options.fpr is not None and not 0 < options.fpr < 1:
        raise InputError(f"--fpr must lie between 0 and 1, got {options.fpr}; 0.01 is one percent")
    if options.value is not None and not math.isfinite(options.value):
        raise InputError(f"--value must be a finite number, got {options.value}")
    if options.sigma is not None and not 0 <= options.sigma <= 100:
        raise InputError(f"--sigma must lie between 0 and 100, got {options.sigma}")


def _show(run: "RunDirectory", known: "list[KnownImage]") -> None:
    from piade_tf.data.known_images import calibration_scores
    from piade_tf.evaluation.refit import Known, refitted
    from piade_tf.evaluation.threshold import Threshold, explain
    from piade_tf.report.threshold_change import show_offers

    now = Threshold.read(run.path / "threshold.json")
    split, scored = run.read_scores()
    scores = Known(calibration_scores(known)[0], split.labels, scored.pred_score, now.folds)
    print(explain(now))
    offers = [(f"--fpr {rate:g}", refitted("fpr", rate, scores)) for rate in OFFERED]
    show_offers([("now", now), *offers, ("--sigma 3", refitted("sigma:3", None, scores))], scores)
    other = next((option for option, offer in offers if offer.value < now.value), offers[-1][0])
    print(f"Set one of them: {command('threshold')} {path_word(run.path)} {other}")


def _set(options: SetThreshold, run: "RunDirectory", known: "list[KnownImage]") -> None:
    from export.publish.report_section import add_to_report
    from export.publish.rethreshold import rethreshold
    from piade_tf.data.known_images import calibration_scores, joined_later, write_known
    from piade_tf.evaluation.refit import Known, check_value, for_maps, refitted
    from piade_tf.file_set import replacing_together
    from piade_tf.files import write_json
    from piade_tf.report.rejudged_files import write_rejudged
    from piade_tf.report.threshold_change import show_change

    config = run.read_config()
    split, scored = run.read_scores()
    before, map_before, is_sound = _before(options, run, config, known)
    old = Known(calibration_scores(known)[0], split.labels, scored.pred_score, before.folds)
    pixels = None
    if options.good is not None:
        known, pixels = _with_good(options.good, run, config, known)
        config["counts"]["calibration"] = sum(one.split == "calibration" for one in known)
    normal, map_max = calibration_scores(known)
    scores = Known(normal, split.labels, scored.pred_score, before.folds)

    method, fpr = _method(options, before)
    after = refitted(method, fpr, scores)
    if options.sigma is not None:
        check_value(after.value, scores)
    map_after = for_maps(after, normal, map_max)
    show_change(before, after, old, scores, split)
    if options.dry_run:
        print("Nothing was changed (--dry-run).")
        return
    if not is_sound:
        run.write_threshold(before, map_before)  # what follows reads them

    changes = []
    try:
        with replacing_together(run.path) as new:
            if options.good is not None:
                write_known(new / "known_images.csv", known)
                write_json(new / "config.json", config)
            pictures = _pictures(run, config, known, after, map_after.value != map_before.value)
            write_rejudged(run, new, config, _title(config), after, map_after, known, pictures)
            if (run.path / "export").is_dir():
                place = (new if options.good is not None else run.path) / "config.json"
                later = len(joined_later(known, config))
                changes = rethreshold(
                    run.path / "export", new / "export", place, after, map_after, normal, later, pixels
                )
                add_to_report(new / "report.html", new / "export")
    except OSError as error:
        raise InputError(f"cannot write {run.path} ({error.strerror or error}); what was there before stays") from None
    how = "moved to the quantile of" if options.value is not None else "fitted to"
    for change in changes:
        print(f"export/{change.name}: {change.before:.4g} -> {change.after:.4g}, {how} its own calibration scores")
        for problem in change.problems:
            print(f"warning: with this threshold {change.name} {problem}")
    print(f"Report: {run.path / 'report.html'}")
    print(f"Threshold set in {run.path}" + (" and its exported files." if changes else "; it has no exported files."))


def _before(
    options: SetThreshold, run: "RunDirectory", config: dict[str, Any], known: "list[KnownImage]"
) -> "tuple[Threshold, Threshold, bool]":
    """The thresholds of the run, and whether its files are sound; where they are not, those of its training."""
    from piade_tf.data.known_images import calibration_scores
    from piade_tf.evaluation.calibration import folds_of_run
    from piade_tf.evaluation.refit import Known, for_maps, refitted
    from piade_tf.evaluation.threshold import Threshold

    try:
        return Threshold.read(run.path / "threshold.json"), Threshold.read(run.path / "map_threshold.json"), True
    except InputError as error:
        if options.fpr is options.sigma is options.value is None:
            raise
        print(f'note: {str(error).split("; set it again")[0]}; "before" is that of the training')
    normal, map_max = calibration_scores(known)
    of_training = config["options"]
    split, scored = run.read_scores()
    scores = Known(normal, split.labels, scored.pred_score, folds_of_run(config, known))
    before = refitted(of_training["threshold"], of_training["fpr"], scores)
    map_before = for_maps(before, normal, map_max)
    return before, map_before, False


def _method(options: SetThreshold, before: "Threshold") -> tuple[str, float | None]:
    """The method, and the rate where it asks for one; with `--good` alone those of before."""
    if options.fpr is not None:
        return "fpr", options.fpr
    if options.sigma is not None:
        return f"sigma:{options.sigma!r}", None
    if options.value is not None:
        return f"value:{options.value!r}", None
    if before.method.startswith("value"):
        raise InputError("the threshold was set by hand, and more images change nothing about it; give --fpr as well")
    return before.method, before.wanted_fpr


def _with_good(
    folder: Path, run: "RunDirectory", config: dict[str, Any], known: "list[KnownImage]"
) -> "tuple[list[KnownImage], np.ndarray]":
    """What is known with the new images of a folder, scored; and their pixels."""
    import numpy as np

    from piade_tf.cli.good_folder import images_of, new_images
    from piade_tf.data.added_images import absolute, folder_split
    from piade_tf.data.known_images import KnownImage
    from piade_tf.detector import Detector
    from piade_tf.evaluation.scored_split import BATCH, score_split

    detector = Detector.load(run.path)
    new = new_images(folder, images_of(folder, config, detector.preparation, good=True), known)
    tested = {one.digest for one in known if one.split == "test"} & set(new.digests)
    if tested:
        raise InputError(
            f"{len(tested)} images in {folder} are test images of the run, which judge the threshold and cannot choose "
            "it; give others"
        )
    split = folder_split(new.paths, detector.preparation)
    found = score_split(detector.inspection, split, BATCH)
    assert found.map_max is not None
    columns = zip(new.paths, new.digests, found.pred_score.tolist(), found.map_max.tolist(), strict=True)
    added = [
        KnownImage(path, "calibration", digest, absolute(folder), score, largest)
        for path, digest, score, largest in columns
    ]
    print(f"{len(added)} more calibration images from {folder}")
    return [*known, *added], np.stack(list(split.images.as_numpy_iterator()))


def _title(config: dict[str, Any]) -> str:
    from piade_tf.stored_options import data_of

    return f"{data_of(config['options']['data']).title}, normal: {config['normal_class']}"


def _pictures(
    run: "RunDirectory",
    config: dict[str, Any],
    known: "list[KnownImage]",
    threshold: "Threshold",
    scale_is_new: bool,
) -> "Pictures":
    """What the report shows of images at that threshold, as far as they are still there."""
    import numpy as np

    from piade_tf.data.known_images import calibration_scores
    from piade_tf.data.splits import all_normal
    from piade_tf.detector import Detector
    from piade_tf.evaluation.mistakes import most_unusual, worst_mistakes
    from piade_tf.evaluation.picked_examples import EXAMPLES, pick_examples
    from piade_tf.report.rejudged_files import Pictures, has_examples
    from piade_tf.training.data_of_run import data_of_run

    draw_again = scale_is_new or not has_examples(run)
    split, scored = run.read_scores()
    are_mistakes = not np.array_equal(threshold.is_anomalous(scored.pred_score), split.labels == 1)
    if split.count and not are_mistakes and not draw_again:
        return Pictures()
    try:
        with losses_told():
            data = data_of_run(config, known)
    except InputError as error:
        print(f"note: the report is without pictures of images: {error}")
        return Pictures(scale_is_new=scale_is_new)
    inspection = Detector.load(run.path).inspection
    examples = None
    if draw_again:
        shown = data.test if split.count else all_normal(data.calibration, data.normal_class)
        scores = scored.pred_score if split.count else calibration_scores(known)[0][-shown.count :]
        options = config["options"]
        window, seed = options["loss"]["ssim_window"], options["training"]["seed"]
        examples = pick_examples(inspection, shown, scores, EXAMPLES, window, seed)
    if split.count:
        to_look_at = worst_mistakes(inspection, data.test, scored.pred_score, threshold.value)
    else:
        to_look_at = most_unusual(inspection, data, known)
    return Pictures(to_look_at, examples, scale_is_new)
