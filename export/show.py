"""`piade show FILE`: what a file says of itself."""

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.formats import REJECTED_FOLDER
from export.options import Show
from export.publish.verdict import is_outdated, verdict
from export.publish.versions import check_version, threshold_in
from export.tflite.flatbuffer import is_litert, is_ours, is_untouched, metadata_of
from piade_tf.config import DEEPEST
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold, parse_method, promise
from piade_tf.json_text import json_text
from piade_tf.program import command, path_word
from piade_tf.run_lock import complete

SHOWN_LEVELS = (0, 50, 90, 99, 100)  # percentiles
RESIZED = {
    "stretch": "photographs are stretched",
    "pad": "photographs are fitted, with black borders,",
    "crop": "photographs are fitted and cut",
}


def show(options: Show) -> int:
    """Prints a summary of the metadata, or all of them as JSON, and a warning where the file was or would be rejected.

    A change of its run that was cut short is completed first.

    Raises:
        InputError: no file of ours, or one that was changed since it was exported or is of a later version.
    """
    folder = _export_of(options.file.resolve())
    if folder.name == "export":  # else it was copied from its run
        complete(folder.parent)
    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {options.file} ({error.strerror}); give a .tflite file") from None
    if not is_untouched(content):
        if is_ours(content):
            raise InputError(f"{options.file} was changed since it was exported, or cut short; export it again")
        found = "has no metadata of PIADE-TF" if is_litert(content) else "is no LiteRT file"
        raise InputError(f"{options.file} {found}; give a .tflite that {command('export')} made")
    metadata = metadata_of(content) or {}
    check_version(options.file, metadata)
    if options.json:
        print(re.sub(r"\[[^\[\]{}]*\]", lambda numbers: " ".join(numbers[0].split()), json_text(metadata, indent=2)))
    else:
        for name, text in summary(metadata).items():
            print(f"{name:<14} {text}")
        print(f"All of it: {command('show')} {path_word(options.file)} --json")
    print(_since_export(options.file, content), file=sys.stderr)
    if options.file.parent.name == REJECTED_FOLDER and options.file.with_suffix(".txt").is_file():
        reasons = options.file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        print(
            f"not to be used: it was rejected when it was exported, because it {'; it '.join(reasons)}", file=sys.stderr
        )
    return 0


def _export_of(file: Path) -> Path:
    return file.parent.parent if file.parent.name == REJECTED_FOLDER else file.parent


def _since_export(file: Path, content: bytes) -> str:
    """Whether it is as it was exported, and whether its new threshold spoils it, as far as the manifest tells."""
    try:
        manifest = json.loads((_export_of(file) / "manifest.json").read_text(encoding="utf-8"))
        entries = {entry.get("sha256"): entry for entry in manifest["files"].values()}
        entry = entries.get(hashlib.sha256(content).hexdigest())
        changed = manifest.get("threshold_changed")
        warning = f"\nnot to be used: it was {verdict(entry)}" if entry and is_outdated(entry) else ""
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        entry, changed, warning = None, None, ""
    if entry is None:  # it was copied from where it was exported
        return f"unchanged since {command('export')} or {command('threshold')} wrote it"
    if changed is None:
        return "unchanged since its export"
    return f"changed since its export by {command('threshold')} alone, on {changed}{warning}"


def summary(metadata: dict[str, Any]) -> dict[str, str]:
    """What people ask of a file, a line each."""
    threshold, of_map = (threshold_in(metadata[key]) for key in ("threshold", "map_threshold"))
    image = metadata["input"]
    shapes = (f"{name} {_sides(end['shape'])} {end['dtype']}" for name, end in metadata["outputs"].items())
    fitted = parse_method(threshold.method).kind not in ("value", "f1")
    found = {
        "format": f"{metadata['format']}, of the run {metadata['name']}, PIADE-TF {metadata['version']}",
        "learned": f"{metadata['normal_class']} ({metadata['dataset']}), score {metadata['score']}",
        "input": f"{_sides(image['shape'])} {image['dtype']}, {image['colour']}, 0 to 255; {RESIZED[image['resize']]} "
        f"to {_sides(image['resize_to'])}" + (f", the middle {_sides(image['crop'])} cut out" if image["crop"] else ""),
        "outputs": ", ".join(shapes),
        "threshold": f"{threshold.value:.4g}, for the scores of this file: an image with a higher one is anomalous; "
        f"{promise(threshold)}",
        "good images": f"{threshold.n}{' set it' * fitted}; of their scores {_percentiles(threshold)}",
        "map threshold": f"{of_map.value:.4g}: a place with a higher value of the map is unusual",
        "their maps": f"of the largest values {_percentiles(of_map)}",
    }
    if image["colour"] == "grey":
        found["16-bit images"] = f"are taken to use {image.get('bits', DEEPEST)} bits, and are brought to 8"
    return {**found, "score outside": "from the outputs, as docs/mobile.md says"} if "outside" in metadata else found


def _percentiles(threshold: Threshold) -> str:
    values = ", ".join(f"{threshold.quantiles[level]:.3g}" for level in SHOWN_LEVELS)
    return f"the percentiles {', '.join(map(str, SHOWN_LEVELS))}: {values}"


def _sides(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
