"""What a training leaves in its run until it has ended: how it was begun, and which of its steps are done.

The folder is there from the beginning of a run to its end; as long as it is, the run can be gone on with.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

from piade_tf.errors import InputError
from piade_tf.files import write_json
from piade_tf.program import command, path_word

FOLDER, BEGUN = "checkpoints", "begun.json"
FIRST, FORMAT_VERSION = "training", 1
Step = Literal["training", "calibration", "report"]


def begin(run: Path, options: dict[str, Any]) -> None:
    """Marks a new run as unfinished.

    Args:
        run: the directory.
        options: all that it was begun with, as JSON has them.
    """
    (run / FOLDER).mkdir()
    write_json(run / FOLDER / BEGUN, {"format_version": FORMAT_VERSION, "options": options})


def is_unfinished(run: Path) -> bool:
    """Whether a training of the run was begun and has not ended."""
    return (run / FOLDER / BEGUN).is_file()


def options_of(run: Path) -> dict[str, Any]:
    """What `begin` was given.

    Raises:
        InputError: it is gone or something else.
    """
    path = run / FOLDER / BEGUN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version, options = content["format_version"], content["options"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); train again") from None
    if version != FORMAT_VERSION:
        raise InputError(f"{path} has the format {version!r}, this version reads {FORMAT_VERSION}; train again")
    return options


def mark_done(run: Path, step: Step, about: dict[str, Any] | None = None) -> None:
    """Marks a step as done, with what later ones need to know of it."""
    write_json(run / FOLDER / f"{step}.json", about or {})


def is_done(run: Path, step: Step) -> bool:
    """Whether a step is done."""
    return (run / FOLDER / f"{step}.json").is_file()


def about_step(run: Path, step: Step) -> dict[str, Any]:
    """What `mark_done` was given."""
    return json.loads((run / FOLDER / f"{step}.json").read_text(encoding="utf-8"))


def end(run: Path) -> None:
    """Marks the run as finished; `begun.json` goes first, so that what is left of the folder says nothing."""
    (run / FOLDER / BEGUN).unlink(missing_ok=True)
    shutil.rmtree(run / FOLDER, ignore_errors=True)


def resume_command(run: Path) -> str:
    """What a user types to go on with a run."""
    return f"{command('train')} --resume {path_word(run)}"


def refuse_unfinished(run: Path) -> None:
    """Raises `InputError` where the training of a run has not come to its report, and says how to go on."""
    if is_unfinished(run) and not is_done(run, "report"):
        raise InputError(
            f"the training of {run} was cut off, or is still going on; go on with it: {resume_command(run)}"
        )
