"""Another threshold for the files of an export, which are neither built nor run again."""

import dataclasses
import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from export.formats import FORMATS, REJECTED_FOLDER
from export.publish import photographs
from export.publish.file_scores import NAME, FileScores
from export.publish.manifest import is_measured
from export.publish.model_card import write_model_card
from export.publish.readme import write_readme
from export.publish.verdict import EXPORT_AGAIN
from export.refusal import CannotRun
from export.tflite.flatbuffer import is_untouched, metadata_of, with_metadata
from export.verification.agreement import compare
from export.verification.gate import problems, share_that_may_differ
from export.verification.measure import Measured, measure
from piade_tf.errors import InputError
from piade_tf.evaluation.refit import Known, for_maps, for_other_scores
from piade_tf.evaluation.threshold import Threshold
from piade_tf.files import write_json
from piade_tf.temporary import temporary_folder

GOLDEN = ("golden.json", photographs.NAME)


@dataclasses.dataclass(frozen=True)
class Rethresholded:
    """The threshold of a file before and after.

    Attributes:
        name: of the format.
        before, after: the threshold.
        problems: why a file that ships would not ship with the new one, see `export.verification.gate`, or what an app
            can no longer be tested with; and what to do.
    """

    name: str
    before: float
    after: float
    problems: list[str]


def rethreshold(
    export: Path,
    new: Path,
    config: Path,
    threshold: Threshold,
    map_threshold: Threshold,
    run_normal: np.ndarray,
    later: int,
    added: np.ndarray | None = None,
) -> list[Rethresholded]:
    """Writes every file of an export that shows a threshold: models, sidecars, manifest, golden verdicts, README, model
    card.

    Each file has a threshold of its own, fitted to its own scores in the way of the run's. It stays where it is; the
    manifest has under `reasons_now` why it would be rejected with that threshold.

    Args:
        export: the folder of the export; read only.
        new: where to write.
        config: `config.json`.
        threshold, map_threshold: of the run.
        run_normal: `(n,)`, the run's scores of the calibration images, those that are added last.
        later: how many of these no statistics have seen, as `joined_later` finds them.
        added: `(m, height, width, channels)`, uint8, calibration images that the files have not seen.

    Raises:
        InputError: the export is of an earlier version, or a file was changed since.
        OSError: the disk is full.
    """
    manifest = _read(export / "manifest.json")
    scores = FileScores.read(export / NAME)
    places = {name: _place(export, name, entry) for name, entry in manifest["files"].items() if is_measured(entry)}
    content_of_run, digest = _read(config), hashlib.sha256(config.read_bytes()).hexdigest()
    if added is not None and len(added):
        size = (content_of_run["preparation"] or {}).get("size")
        scores = scores.with_calibration(run_normal[-len(added) :], _measured(places, added, size))
    new.mkdir(parents=True, exist_ok=True)
    calibration, test = scores.split == "calibration", scores.split == "test"
    seed = content_of_run["options"]["training"]["seed"]
    of_run = scores.said(None, threshold)
    may_differ = share_that_may_differ(of_run, seed, manifest["compared_on"].get("tolerance"))
    manifest["threshold_changed"] = datetime.date.today().isoformat()
    manifest["compared_on"] |= {
        "flagged_by_the_run": int(threshold.is_anomalous(of_run.compared).sum()),
        "verdicts_may_differ": may_differ,
    }
    changes = []
    for name, path in places.items():
        entry, found = manifest["files"][name], scores.pred_score[name]
        known = Known(found[calibration], scores.label[test], found[test])
        of_file = for_other_scores(threshold, run_normal, known)
        of_map = for_maps(of_file, found[calibration], scores.map_max[name][calibration], map_threshold.apart)
        old = entry["threshold"]["value"]
        entry["threshold"], entry["map_threshold"] = dataclasses.asdict(of_file), dataclasses.asdict(of_map)
        entry |= compare(of_run, scores.said(name, of_file), scores.label[test])
        if path.is_file():
            target = new / path.relative_to(export)
            target.parent.mkdir(exist_ok=True)
            thresholds = {key: entry[key] for key in ("threshold", "map_threshold")}
            content = _with(path, thresholds | {"config_sha256": digest})
            target.write_bytes(content)
            write_json(target.with_suffix(".json"), metadata_of(content))
            entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        entry["reasons_now"] = problems(FORMATS[name].tolerance, entry, entry, may_differ)
        told = [f"{reason}; {EXPORT_AGAIN} to have it judged anew" for reason in entry["reasons_now"]]
        changes.append(Rethresholded(name, old, of_file.value, told if entry["accepted"] else []))
    scores.write(new / NAME)
    write_json(new / "manifest.json", manifest)
    _write_golden(export, new, manifest)
    write_readme(new / "README.md", export.parent, manifest)
    write_model_card(new / "MODEL_CARD.md", content_of_run, manifest, later)
    silent = _silent(new / "golden" / GOLDEN[0], manifest, scores)
    return [
        dataclasses.replace(change, problems=[*change.problems, *silent.get(change.name, [])]) for change in changes
    ]


def _place(export: Path, name: str, entry: dict[str, Any]) -> Path:
    """Where the file is, or the version folder of the SavedModel."""
    folder = export if entry["accepted"] else export / REJECTED_FOLDER
    path = folder / (f"{name}/1" if name == "saved_model" else f"{name}.tflite")
    if not path.exists():
        raise InputError(f"{path} is gone; export the run again")
    return path


def _with(path: Path, changes: dict[str, Any]) -> bytes:
    content = path.read_bytes()
    if not is_untouched(content):
        raise InputError(f"{path} was changed or cut short after its export: its hash differs; export the run again")
    return with_metadata(content, (metadata_of(content) or {}) | changes)


def _measured(places: dict[str, Path], images: np.ndarray, size: tuple[int, int] | None) -> dict[str, Measured]:
    with temporary_folder() as folder:
        pixels = folder / "images.npy"
        np.save(pixels, images)
        found = {}
        for name, path in places.items():
            print(f"scoring {len(images)} images with {name}", flush=True)
            try:
                found[name] = measure(path, pixels, size=size)
            except CannotRun as error:
                raise InputError(f"{path} {error}; export the run again") from None
        return found


def _write_golden(export: Path, new: Path, manifest: dict[str, Any]) -> None:
    (new / "golden").mkdir()
    for path in [path for path in (export / "golden" / name for name in GOLDEN) if path.exists()]:
        golden = _read(path)
        for image in golden.values():
            for name, said in image.items():
                if isinstance(said, dict):
                    said["anomalous"] = bool(said["pred_score"] > manifest["files"][name]["threshold"]["value"])
        write_json(new / "golden" / path.name, golden)


def _silent(golden: Path, manifest: dict[str, Any], scores: FileScores) -> dict[str, list[str]]:
    """Of the files that ship, those that call every golden image normal: the test of an app that does so too passes."""
    if not golden.exists():
        return {}
    limits = {name: entry["threshold"]["value"] for name, entry in manifest["files"].items() if entry["accepted"]}
    defects = scores.split == "changed"
    has_other = np.any(np.all([scores.pred_score[name][defects] > limit for name, limit in limits.items()], axis=0))
    advice = (
        "export the run again, which adds one with a synthetic defect"
        if has_other
        else "a synthetic defect raises none either, so test the app with a bad part of your own"
    )
    images = _read(golden).values()
    alarms = {name for image in images for name in limits if name in image and image[name]["anomalous"]}
    return {name: [f"raises an alarm on no golden image; {advice}"] for name in limits if name not in alarms}


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); export the run again") from None
