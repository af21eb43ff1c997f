"""From a run directory to its `export` folder: build each file, measure it, ship it or reject it."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.builder import Builder
from export.formats import FORMATS, REJECTED_FOLDER
from export.options import Export
from export.publish.file_scores import NAME, FileScores
from export.publish.golden import write_golden
from export.publish.manifest import describe_file, describe_run
from export.publish.metadata import metadata_for
from export.publish.model_card import write_model_card
from export.publish.of_run import OfRun, known_if_any
from export.publish.table import show_table
from export.publish.tensorboard_summary import write_log
from export.refusal import CannotRun
from export.tflite.flatbuffer import metadata_of, with_metadata
from export.verification.measure import Measured, measure
from export.verification.tolerance import Reference, compare, problems
from piade_tf.config import FormatName
from piade_tf.data import DataSplits, LabelledSplit, Split, batches
from piade_tf.data.splits import all_normal
from piade_tf.errors import InputError
from piade_tf.evaluation.refit import Known, for_other_scores
from piade_tf.evaluation.threshold import fit_threshold
from piade_tf.files import write_json
from piade_tf.model.inference import outputs_of
from piade_tf.run_directory import RunDirectory
from piade_tf.run_lock import changing
from piade_tf.scoring.score_set import ScoreSet
from piade_tf.training.data_of_run import data_of_run

REJECTED = 3  # exit code
BATCH = 64  # images read at a time


def export(options: Export, data: DataSplits | None = None) -> int:
    """Replaces `RUN/export` once everything is there.

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
        raise InputError(f"--tolerance must be a loss of AUROC from 0 to 1, got {options.tolerance}")
    run = RunDirectory(options.run)
    config = run.read_config()
    network = run.read_network()
    scorer = ScoreSet.load(run.path / "scorer.npz", config["options"]["loss"]["ssim_window"])
    data = data or data_of_run(config, known_if_any(run), options.data_dir)
    target = run.path / "export"
    try:
        with changing(run.path, "piade export"), tempfile.TemporaryDirectory(prefix=".export.", dir=run.path) as work:
            new = Path(work, "export")
            new.mkdir()
            manifest = _fill(new, options, config, network, scorer, data)
            log, logs = Path(work, "log"), run.path / "logs"
            if logs.is_dir():
                write_log(log, manifest)
            _replace(target, new, Path(work, "old"))
            if logs.is_dir():  # a second export takes the place of the first there too
                _replace(logs / "export", log, Path(work, "old_log"))
    except OSError as error:
        raise InputError(f"cannot write {target} ({error.strerror or error}); what was there before stays") from None
    show_table(manifest, target)
    return 0 if all(entry["accepted"] for entry in manifest["files"].values()) else REJECTED


def _fill(
    folder: Path, options: Export, config: dict[str, Any], network: keras.Model, scorer: ScoreSet, data: DataSplits
) -> dict[str, Any]:
    """Fills the empty `folder`; returns the content of the manifest."""
    work, chosen = folder.parent, config["options"]["score"]
    of_run = OfRun.read(RunDirectory(options.run))
    held_out = all_normal(data.calibration, data.normal_class)
    compared = data.test if data.test.count else held_out
    images = work / "images.npy"
    write_images(images, [held_out, compared])
    reference = _reference(scorer.inspection_model(network, chosen), compared, bool(data.test.count))
    stored = config["options"]
    augment, seed = stored["data"]["augment"], stored["training"]["seed"]
    builder = Builder(network, scorer, chosen, data, augment, seed, options.batch, work)
    entries: dict[str, dict[str, Any]] = {}
    measured: dict[str, Measured] = {}
    scored: dict[str, Measured] = {}  # of calibration images too
    tested = "test" if data.test.count else "compared"
    for name in options.formats:
        print(f"exporting {name}", flush=True)
        try:
            path = _build(builder, name, folder, options)
            found = scored[name] = measure(path, images)
        except CannotRun as error:
            entries[name] = {"accepted": False, "reasons": [str(error)]}
            _reject(folder, name, [str(error)])
            continue
        calibrated, measured[name] = found.part(slice(held_out.count)), found.part(slice(held_out.count, None))
        known = Known(calibrated.pred_score, compared.labels, measured[name].pred_score)
        threshold = for_other_scores(of_run.threshold, of_run.normal, known)
        map_threshold = fit_threshold("fpr", of_run.map_threshold.wanted_fpr or 0.01, calibrated.map_max)
        if name != "saved_model":
            metadata = metadata_for(name, config, options.run, threshold, map_threshold, path.read_bytes())
            content = with_metadata(path.read_bytes(), metadata)
            path.write_bytes(content)
            write_json(path.with_suffix(".json"), metadata_of(content))
        comparison = compare(reference, measured[name], threshold, config["options"]["training"]["seed"])
        description = describe_file(folder / name if name == "saved_model" else path, found, threshold, map_threshold)
        if FORMATS[name].integer:
            comparison |= {"size_ratio": description["bytes"] / builder.float_bytes, "float_bytes": builder.float_bytes}
        reasons = problems(
            FORMATS[name].tolerance, comparison, description, options.tolerance, chosen == "reconstruction"
        )
        entries[name] = description | comparison | {"accepted": not reasons, "reasons": reasons}
        if reasons:
            _reject(folder, name, reasons)
    manifest = describe_run(config, options.run, reference, entries)
    write_json(folder / "manifest.json", manifest)
    FileScores.of([("calibration", held_out.labels), (tested, compared.labels)], scored).write(folder / NAME)
    write_golden(folder, manifest, reference, images, held_out.count, measured)
    write_model_card(folder / "MODEL_CARD.md", config, manifest)
    return manifest


def write_images(path: Path, splits: Sequence[Split]) -> None:
    """Writes the images of the splits one after the other as `.npy`, a batch at a time."""
    with open(path, "wb") as file:
        shape = (sum(split.count for split in splits), *_image_shape(splits[0]))
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.lib.format.dtype_to_descr(np.dtype("uint8")), "fortran_order": False, "shape": shape}
        )
        for split in splits:
            for batch in split.images.batch(BATCH).as_numpy_iterator():
                file.write(batch.tobytes())


def _image_shape(split: Split) -> tuple[int, ...]:
    return tuple(split.images.element_spec.shape)


def _reference(inspection: keras.Model, compared: LabelledSplit, on_test: bool) -> Reference:
    """What the Keras model says of the images."""
    wanted = {name: inspection.output[name] for name in ("pred_score", "instantiation_vectors")}
    found = list(outputs_of(keras.Model(inspection.input, wanted), batches(compared, BATCH)))
    columns = {name: np.concatenate([outputs[name] for outputs in found]) for name in wanted}
    return Reference(compared.labels, columns["pred_score"], columns["instantiation_vectors"], on_test)


def _build(builder: Builder, name: FormatName, folder: Path, options: Export) -> Path:
    """What is to be measured: the file, or the version folder of the SavedModel."""
    if name == "saved_model":
        return builder.saved_model(folder / name, options.input_size == "free")
    path = folder / f"{name}.tflite"
    path.write_bytes(builder.litert(name))
    return path


def _reject(folder: Path, name: str, reasons: list[str]) -> None:
    rejected = folder / REJECTED_FOLDER
    rejected.mkdir(exist_ok=True)
    for path in [*folder.glob(name), *folder.glob(f"{name}.*")]:
        path.rename(rejected / path.name)
    (rejected / f"{name}.txt").write_text("\n".join(reasons) + "\n", encoding="utf-8")


def _replace(target: Path, new: Path, old: Path) -> None:
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(new, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
