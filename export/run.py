"""From a run directory to its `export` folder: build each file, measure it, ship it or reject it."""

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.builder import Builder
from export.finished import FOLDER, Finished
from export.formats import FORMATS, REJECTED_FOLDER
from export.options import Export
from export.publish.file_scores import NAME, FileScores
from export.publish.golden import write_golden
from export.publish.manifest import describe_file, describe_run
from export.publish.metadata import metadata_for
from export.publish.model_card import write_model_card
from export.publish.readme import write_readme
from export.publish.table import show_table
from export.publish.tensorboard_summary import write_log
from export.refusal import CannotRun
from export.tflite.flatbuffer import metadata_of, with_metadata
from export.verification.agreement import Said, compare
from export.verification.compared_images import write_images
from export.verification.gate import problems, share_that_may_differ
from export.verification.measure import Measured, measure
from export.verification.out_of_fold import out_of_fold
from piade_tf import __version__
from piade_tf.config import FormatName
from piade_tf.data import DataSplits
from piade_tf.data.known_images import calibration_scores, joined_later
from piade_tf.errors import InputError
from piade_tf.evaluation.refit import Known, for_maps, for_other_scores
from piade_tf.evaluation.threshold import Threshold
from piade_tf.files import write_json
from piade_tf.run_directory import RunDirectory
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.scoring.scorer_file import read_scorer
from piade_tf.training.data_of_run import data_of_run

REJECTED = 3  # exit code


def export(options: Export, data: DataSplits | None = None) -> int:
    """Replaces `RUN/export` once everything is there, in a process that has the lock of the run.

    Args:
        options: what to export.
        data: of the run, where they are loaded already.

    Returns:
        0, or 3 if a file was rejected.

    Raises:
        InputError: the run directory, the data or an option is not what it should be, or the disk is full.
    """
    if options.batch < 1:
        raise InputError(f"--batch must be at least 1, got {options.batch}")
    if not options.formats:
        raise InputError(f"--formats needs at least one of {', '.join(FORMATS)}")
    if options.tolerance is not None and not 0 <= options.tolerance <= 1:
        raise InputError(f"--tolerance must be a share of verdicts from 0 to 1, got {options.tolerance}")
    run = RunDirectory(options.run)
    config = run.read_config()
    network = run.read_network()
    scorer = read_scorer(run.path / "scorer.npz", config["options"]["loss"]["ssim_window"])
    data = data or load_images(config, options)
    target = run.path / "export"
    try:
        with tempfile.TemporaryDirectory(prefix=".export.", dir=run.path) as work:
            _clear_up(run.path, Path(work))
            new = Path(work, "export")
            new.mkdir()
            finished = Finished(run.path)
            try:
                manifest = _fill(new, finished, options, config, network, scorer, data)
            except OSError:  # a full disk needs the room
                finished.remove()
                raise
            gone = [name for name in FORMATS if name not in options.formats and _path_in(target, name).exists()]
            log, logs = Path(work, "log"), run.path / "logs"
            if logs.is_dir():
                write_log(log, manifest)
            _replace(target, new, Path(work, "old"))
            if logs.is_dir():  # a second export takes the place of the first there too
                _replace(logs / "export", log, Path(work, "old_log"))
            finished.remove()
    except OSError as error:
        raise InputError(f"cannot write {target} ({error.strerror or error}); what was there before stays") from None
    if gone:
        print(f"no longer in {target}: {', '.join(gone)} (an export replaces the last; --formats names what is built)")
    show_table(manifest, target)
    return 0 if all(entry["accepted"] for entry in manifest["files"].values()) else REJECTED


def load_images(config: dict[str, Any], options: Export) -> DataSplits:
    """The images of a run; raises `InputError` where they are not those that it has seen."""
    return data_of_run(config, RunDirectory(options.run).known_if_any(), options.data_dir)


def _fill(
    folder: Path,
    finished: Finished,
    options: Export,
    config: dict[str, Any],
    network: keras.Model,
    scorer: ScoreSet,
    data: DataSplits,
) -> dict[str, Any]:
    """Fills the empty `folder`; returns the content of the manifest."""
    work, stored = folder.parent, config["options"]
    chosen, augment, seed = stored["score"], stored["data"]["augment"], stored["training"]["seed"]
    threshold_of_run, map_threshold_of_run = (
        Threshold.read(options.run / f"{name}.json") for name in ("threshold", "map_threshold")
    )
    inspection = scorer.inspection_model(network, chosen)
    images, seen, map_max = write_images(work / "images.npy", data, inspection, threshold_of_run, seed)
    folds, scores = threshold_of_run.folds, seen
    if folds:
        by_run, map_by_run = calibration_scores(RunDirectory(options.run).read_known())
        scores = np.concatenate([by_run, seen[images.calibration.stop :]]).astype("float32")
    said, labels = Said.of(images, scores, threshold_of_run), data.test.labels
    may_differ = share_that_may_differ(said, seed, options.tolerance)
    later = len(joined_later(RunDirectory(options.run).known_if_any(), config))
    learned = data.calibration.part(range(data.calibration.count - later))
    learned_data = dataclasses.replace(data, calibration=learned)
    builder = Builder(network, scorer, chosen, learned_data, augment, seed, options.batch, work, bool(folds))
    size = data.preparation.size if data.preparation else None
    entries: dict[str, dict[str, Any]] = {}
    measured: dict[str, Measured] = {}
    made_of = [images.path, *(options.run / name for name in ("model.keras", "scorer.npz"))]
    finished.only_of(made_of, {"batch": options.batch, "input_size": options.input_size, "version": __version__})
    for name in _with_times(options.formats):
        try:
            path = _path_in(folder, name)
            if finished.has(name):
                found = finished.take(name, folder)
            else:
                found = measure(_build(builder, name, path, options), images.path, size=size)
                finished.keep(name, path, found)
        except CannotRun as error:
            entries[name] = {"accepted": False, "reasons": [str(error)]}
            _reject(folder, name, [str(error)])
            continue
        if folds:
            found = dataclasses.replace(
                found,
                pred_score=out_of_fold(images, seen, found.pred_score, by_run),
                map_max=out_of_fold(images, map_max, found.map_max, map_by_run),
            )
        measured[name] = found
        calibrated = found.part(images.calibration)
        known = Known(calibrated.pred_score, labels, found.pred_score[images.test])
        threshold = for_other_scores(threshold_of_run, said.calibration, known)
        map_threshold = for_maps(threshold, calibrated.pred_score, calibrated.map_max, map_threshold_of_run.apart)
        if name != "saved_model":
            metadata = metadata_for(name, config, options.run, threshold, map_threshold, path.read_bytes())
            content = with_metadata(path.read_bytes(), metadata)
            path.write_bytes(content)
            write_json(path.with_suffix(".json"), metadata_of(content))
        comparison = compare(said, Said.of(images, found.pred_score, threshold), labels)
        description = describe_file(path, found, threshold, map_threshold)
        if FORMATS[name].integer:
            comparison |= {"size_ratio": description["bytes"] / builder.float_bytes, "float_bytes": builder.float_bytes}
        reasons = problems(FORMATS[name].tolerance, comparison, description, may_differ)
        entries[name] = description | comparison | {"accepted": not reasons, "reasons": reasons}
        if reasons:
            _reject(folder, name, reasons)
    manifest = describe_run(config, options, said, labels, may_differ, entries)
    write_json(folder / "manifest.json", manifest)
    FileScores.of(images, labels, scores, measured).write(folder / NAME)
    write_golden(folder, manifest, labels, scores, images, measured, data.preparation)
    write_readme(folder / "README.md", options.run, manifest)
    write_model_card(folder / "MODEL_CARD.md", config, manifest, later)
    return manifest


def _with_times(formats: Sequence[FormatName]) -> Iterator[FormatName]:
    """Tells of each format as it begins, and from the third on how long the others may take."""
    start = time.monotonic()
    for done, name in enumerate(formats):
        left = (time.monotonic() - start) / max(done, 1) * (len(formats) - done)
        print(
            f"exporting {name} ({done + 1} of {len(formats)}{f', about {left:.0f} s left' if done > 1 else ''})",
            flush=True,
        )
        yield name


def _path_in(folder: Path, name: FormatName) -> Path:
    return folder / (name if name == "saved_model" else f"{name}.tflite")


def _build(builder: Builder, name: FormatName, path: Path, options: Export) -> Path:
    """What is to be measured: the file at `path`, or the version folder in it of the SavedModel."""
    if name == "saved_model":
        return builder.saved_model(path, options.input_size == "free")
    path.write_bytes(builder.litert(name))
    return path


def _reject(folder: Path, name: str, reasons: list[str]) -> None:
    rejected = folder / REJECTED_FOLDER
    rejected.mkdir(exist_ok=True)
    for path in [*folder.glob(name), *folder.glob(f"{name}.*")]:
        path.rename(rejected / path.name)
    (rejected / f"{name}.txt").write_text("\n".join(reasons) + "\n", encoding="utf-8")


def _clear_up(run: Path, work: Path) -> None:
    """Removes the folders of exports that were killed; one that was moved away and not replaced yet comes back."""
    for left in run.glob(".export.*"):
        if left in (work, run / FOLDER):
            continue
        for old, target in ((left / "old", run / "export"), (left / "old_log", run / "logs" / "export")):
            if old.exists() and not target.exists():
                os.replace(old, target)
        shutil.rmtree(left)


def _replace(target: Path, new: Path, old: Path) -> None:
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(new, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
