"""Which file of a run is served, and what it says of itself."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from export.publish.versions import check_version, threshold_in
from export.tflite.flatbuffer import is_untouched, metadata_of
from piade_tf.config import DEEPEST
from piade_tf.data.preparation import Preparation
from piade_tf.errors import InputError
from piade_tf.evaluation.threshold import Threshold
from piade_tf.files import signature
from piade_tf.program import command
from piade_tf.run_lock import complete
from piade_tf.unfinished import refuse_unfinished

IN_BROWSERS = ("float32", "float16", "dynamic_int8", "int8")  # LiteRT.js takes no int8 and int16 tensors


@dataclasses.dataclass(frozen=True)
class ServedFile:
    """A LiteRT file of an export.

    Attributes:
        path: of the file.
        content: of the file as it was read; what it says of itself and what runs are of one file also where it changes.
        about: the metadata inside it.
        preparation: from any image to what it takes.
        threshold: of its scores.
        map_threshold: of the largest value of an anomaly map.
        signature: of the file as it was read; see `piade_tf.files.signature`.
    """

    path: Path
    content: bytes = dataclasses.field(repr=False)
    about: dict[str, Any]
    preparation: Preparation
    threshold: Threshold
    map_threshold: Threshold
    signature: tuple[int, int] | None

    @classmethod
    def of_run(cls, run: Path, format_name: str) -> "ServedFile":
        """The file of that format in a run's export; a change that was cut short is completed first.

        Raises:
            InputError: no run, no export, no such file in it, or the file was changed since or is of a later version.
        """
        path = run / "export" / f"{format_name}.tflite"
        if not run.is_dir():
            raise InputError(f"{run} {'is a file' if run.exists() else 'does not exist'}; give a run directory")
        complete(run)
        refuse_unfinished(run)
        if not (run / "export").is_dir():
            raise InputError(f"{run} has no export to serve; make one with {command('export')} {run}")
        if not path.is_file():
            there = ", ".join(sorted(file.stem for file in path.parent.glob("*.tflite"))) or "no other either"
            raise InputError(f"{path} is not there ({there}); choose another --format or export the run again")
        found = signature(path)
        content = path.read_bytes()
        about = metadata_of(content)
        if about is None or not is_untouched(content):
            raise InputError(f"{path} was changed or cut short after its export; export the run again")
        check_version(path, about)
        given = about["input"]
        crop = tuple(given["crop"]) if given.get("crop") else None
        size = tuple(given["resize_to"])
        return cls(
            path,
            content,
            about,
            Preparation(size, given["resize"], crop, given["shape"][3], given.get("bits", DEEPEST)),
            threshold_in(about["threshold"]),
            threshold_in(about["map_threshold"]),
            found,
        )

    @property
    def description(self) -> dict[str, Any]:
        """What `GET /v1/model` tells: the metadata without the places of statistics in the file."""
        return {"file": self.path.name} | {key: value for key, value in self.about.items() if key != "outside"}


def is_withdrawn(path: Path) -> bool:
    """Whether the export has rejected or left out its file of that path; not where no manifest can be read."""
    try:
        files = json.loads((path.parent / "manifest.json").read_text(encoding="utf-8"))["files"]
        return not files.get(path.stem, {"accepted": False})["accepted"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def files_for_the_app(export: Path) -> dict[str, Path]:
    """By the address below `/served/`, what the inspector fetches of an export: models, manifest, golden images."""
    names = ["manifest.json", *(f"{name}.tflite" for name in IN_BROWSERS)]
    if (export / "golden").is_dir():
        names += [f"golden/{path.name}" for path in sorted((export / "golden").iterdir())]
    return {name: export / name for name in names if (export / name).is_file()}
