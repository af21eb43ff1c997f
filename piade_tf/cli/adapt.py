"""`piade adapt`: teach a trained run more good images, in a new run beside it."""

import dataclasses
import datetime
import glob
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from piade_tf.cli.startup import start_tensorflow
from piade_tf.errors import InputError
from piade_tf.lost_images import losses_told
from piade_tf.printable import from_here
from piade_tf.program import command, path_word

if TYPE_CHECKING:
    from piade_tf.data.added_images import FolderImages
    from piade_tf.data.known_images import KnownImage
    from piade_tf.data.preparation import Preparation
    from piade_tf.evaluation.adaptation import Before
    from piade_tf.run_directory import RunDirectory

LEAVE_OUT = "of each such burst, leave one and take the others out of the folder"
KEPT = ("model.keras", "history.csv", "skipped.csv")  # files of the run that the new one has as they are


@dataclasses.dataclass(frozen=True)
class Adapt:
    """Teach a trained run more good images: last week's false alarms, a new batch, another lamp.

    piade adapt RUN --good false_alarms/

    piade adapt RUN --good new_lamp/ --bad scratched/ --name bottle-new-lamp

    Put good parts that were flagged into a folder, and have them learned: that takes about half a minute for two
    hundred photographs, since the network stays, and only what is normal and the threshold are worked out again.
    The result is a new run; the old one stays. The images of the run must still be where they were. At the end a
    table says how many good and bad images were flagged before and are now, and those with a wrong verdict are named.
    No good image in it is judged by statistics that have seen it. Go on with piade export.

    A defect that is taught as good is never found again: look at each image that you teach, and give --bad.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run directory that a training, or an adaptation, made."""
    good: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """A folder of good images, of the same size and colour as the others. They are to stay where they are."""
    bad: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A folder of bad images. They are never learned: how many are found is counted, before and after."""
    name: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Name of the new run, beside the old one. Left out: that of the old one, and the time."""
    data_dir: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the images of the run are now. Left out: where they were."""
    folds: int = 3
    """The new images are left out in so many parts in turn, so that each is judged by a fit that has not seen it. Each
    part takes as long as the fit itself; a run that was calibrated in folds has such scores anyway. 0: none."""


@losses_told()
def adapt(options: Adapt) -> None:
    """Makes the new run and prints what changed.

    Raises:
        InputError: the run, its data or a folder is not what it should be, or another process is changing the run.
    """
    if options.folds < 0:
        raise InputError(f"--folds must be at least 0, got {options.folds}")
    start = time.monotonic()
    start_tensorflow()
    from piade_tf.run_directory import RunDirectory
    from piade_tf.run_lock import changing

    run = RunDirectory(options.run)
    run.read_config()
    target = _target(options)
    unfinished = f".{run.path.resolve().name}.adapting."
    try:
        with changing(run.path, "piade adapt"):
            for left in target.parent.glob(f"{glob.escape(unfinished)}*"):  # of a process that was killed
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix=unfinished, dir=target.parent) as work:
                made = Path(work, target.name)
                made.mkdir()
                _adapt(options, run, RunDirectory(made))
                os.rename(made, target)
    except OSError as error:
        raise InputError(f"cannot write {from_here(target)} ({error.strerror or error}); nothing was made") from None
    shown = from_here(target)
    print(f"Run directory: {shown}, in {time.monotonic() - start:.0f} seconds")
    print(f"Next: {command('export')} {path_word(shown)}")


def _target(options: Adapt) -> Path:
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    name = options.name or f"{options.run.resolve().name}-adapted-{stamp}"
    if Path(name).name != name or name in (".", ".."):
        raise InputError(f"--name must be a plain name without a path, got {name!r}")
    target = options.run.resolve().parent / name
    if target.exists():
        raise InputError(f"{from_here(target)} exists already; choose another --name")
    return target


def _adapt(options: Adapt, run: "RunDirectory", new_run: "RunDirectory") -> None:
    import numpy as np

    from piade_tf.data.added_images import absolute, extended
    from piade_tf.data.known_images import with_scores
    from piade_tf.data.near_duplicates import burst_warning
    from piade_tf.data.splits import all_normal
    from piade_tf.evaluation.adaptation import Adapted
    from piade_tf.evaluation.mistakes import most_unusual
    from piade_tf.evaluation.refit import for_maps
    from piade_tf.evaluation.results import labelled_results
    from piade_tf.evaluation.scored_split import BATCH
    from piade_tf.files import write_json
    from piade_tf.report.adaptation_table import show_adaptation
    from piade_tf.report.result_files import Judged, write_results
    from piade_tf.stored_options import data_of, from_anywhere
    from piade_tf.training.assigned import assigned
    from piade_tf.training.data_of_run import data_of_run

    config = run.read_config()
    stored = config["options"]
    base = data_of_run(config, [], options.data_dir)
    assert base.preparation is not None
    before = _before(run, config, base.preparation)
    fixed = before.fixed
    good, bad = _folders(options, config, run, before)
    added = assigned(good, absolute(options.good), fixed.seed, base.group_by)
    alike = None if base.group_by else burst_warning(good.looks, list(map(from_here, good.paths)), LEAVE_OUT)
    if alike:
        print(f"warning: {alike}", flush=True)
    data = extended(base, [*before.known, *added])
    in_folds = fixed.way == "folds"
    print(_what_joins(options.good, added, base.test.count - data.test.count, in_folds), flush=True)

    fitted = fixed.fitted(data)
    scorer = fitted.scorer
    inspection = scorer.inspection_model(fixed.network, fixed.chosen)
    held_out = all_normal(data.calibration, data.normal_class), fitted.pred_score[-data.calibration.count :]
    known = with_scores([*before.known, *added], fitted.pred_score, fitted.map_max)
    window = stored["loss"]["ssim_window"]
    results = labelled_results(inspection, data.test, BATCH, window, fixed.seed, held_out)
    after = before.threshold_for(known, fitted.folds, data.test.labels, results.scored.pred_score)
    new_normal = np.array([one.pred_score for one in known[len(before.known) :]]) if fitted.folds else None
    adapted = Adapted(scorer, data, before.old_normal(known), new_normal, results.scored.pred_score, after)
    groups = before.compared(adapted, base, added, bad, options.folds)

    for name in KEPT:
        if (run.path / name).exists():
            shutil.copy2(run.path / name, new_run.path / name)
    lineage = _lineage(options, run, config, [*before.known, *added])
    where = from_anywhere(options.data_dir or data_of(stored["data"]).data_dir)
    options_now = stored | {"name": new_run.path.name, "data": stored["data"] | {"data_dir": where}}
    new_config = new_run.write_config(options_now, config["schedule"], data, lineage)
    new_run.write_scorer(scorer)
    map_after = for_maps(after, fitted.pred_score, fitted.map_max)
    new_run.write_threshold(after, map_after)
    new_run.write_known(known)
    write_json(new_run.path / "adaptation.json", {group.name: group.as_dict for group in groups})
    title = f"{data_of(stored['data']).title}, normal: {data.normal_class}"
    kept = {name: value for name, value in run.read_metrics().items() if name in ("train_seconds", "epochs")}
    judged = Judged(data.test, results.scored, after, map_after, known)
    unusual = most_unusual(inspection, data, known) if judged.good_only else []
    write_results(new_run, new_config, title, inspection, results, judged, run.read_history(), kept, unusual)
    show_adaptation(groups, before.threshold, after)


def _folders(
    options: Adapt, config: dict[str, Any], run: "RunDirectory", before: "Before"
) -> "tuple[FolderImages, FolderImages | None]":
    """The new good images, and the bad ones."""
    from piade_tf.cli.good_folder import images_of, new_images, refuse_anomalous

    found = images_of(options.good, config, before.preparation, good=True)
    split, _ = run.read_scores()
    refuse_anomalous(options.good, found, before.known, set(map(str, split.ids[split.labels == 1])))
    bad = None if options.bad is None else images_of(options.bad, config, before.preparation, good=False)
    if bad is not None and (both := set(found.digests) & set(bad.digests)):
        name = next(path for path, digest in zip(bad.paths, bad.digests, strict=True) if digest in both)
        raise InputError(f"{from_here(name)} is among the good images as well; decide which it is")
    if bad is not None:
        learned = {one.digest for one in before.known if one.split != "test"} & set(bad.digests)
        if learned:
            print(f"warning: {len(learned)} images in {options.bad} were learned as good ones by the run")
    return new_images(options.good, found, before.known), bad


def _what_joins(folder: Path, added: "list[KnownImage]", no_longer_tested: int, in_folds: bool) -> str:
    counts = {name: sum(one.split == name for one in added) for name in ("train", "validation", "calibration")}
    text = f"{len(added)} new good images from {folder} join those of the run: "
    if in_folds:
        text += "all say what is normal, and all set the threshold, each scored by statistics of the others."
    else:
        text += (
            f"{counts['train']} say what is normal, {counts['validation']} set the scale of the scores, "
            f"{counts['calibration']} set the threshold."
        )
        if not counts["calibration"]:
            text += " With 5 new images or more, some would set the threshold as well."
    if no_longer_tested:
        text += f" {no_longer_tested} of them were test images; they no longer count as such."
    return text


def _lineage(options: Adapt, run: "RunDirectory", config: dict[str, Any], known: "list[KnownImage]") -> dict[str, Any]:
    """Where the new run comes from, for `config.json`."""
    added = [one for one in known if one.added]
    everything = config["data_fingerprint"] + "".join(sorted(one.digest for one in added))
    return {
        "parent": run.path.resolve().name,
        "parent_path": str(run.path.resolve()),
        "parent_config_sha256": hashlib.sha256((run.path / "config.json").read_bytes()).hexdigest(),
        "good": str(options.good),
        "images_added_in_all": len(added),
        "fingerprint_with_them": hashlib.sha256(everything.encode()).hexdigest(),
        "parent_lineage": config.get("lineage"),
    }


def _before(run: "RunDirectory", config: dict[str, Any], preparation: "Preparation") -> "Before":
    from piade_tf.evaluation.adaptation import Before, Fixed
    from piade_tf.evaluation.threshold import Threshold
    from piade_tf.scoring.scorer_file import read_scorer

    stored, known = config["options"], run.read_known()
    split, scored = run.read_scores()
    scorer = read_scorer(run.path / "scorer.npz", stored["loss"]["ssim_window"])
    return Before(
        Fixed(run.read_network(), scorer.parameters, stored["score"], stored["data"]["augment"],
              stored["training"]["seed"], stored.get("calibration", "split")),
        scorer,
        preparation,
        Threshold.read(run.path / "threshold.json"),
        known,
        dict(zip(map(str, split.ids), scored.pred_score.tolist(), strict=True)),
    )  # fmt: skip
