"""Several files of a folder replaced together: all of them or none, also when the process is killed in between.

The new files are made ready in a folder of their own. Renaming that folder to `READY` decides; from then on whoever
comes next puts the files in their places, as often as it takes.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

NEW, READY, REMOVED = ".new.", ".ready", ".removed.json"


@contextlib.contextmanager
def replacing_together(folder: Path) -> Iterator[Path]:
    """Gives an empty folder. On success each file in it takes the place of that with the same path below `folder`.

    Only one process may do so at a time; see `piade_tf.run_lock`.

    Raises:
        OSError: a file cannot be written. Before all are ready, what was there stays.
    """
    finish(folder)
    for left in folder.glob(f"{NEW}*"):  # of a process that was killed before all was ready
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=NEW, dir=folder) as work:
        new = Path(work, "files")
        new.mkdir()
        yield new
        os.replace(new, folder / READY)
    finish(folder)


def remove_with(new: Path, name: str) -> None:
    """Has the file of that path below the folder removed when the files in `new` take their places."""
    listed = new / REMOVED
    names = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else []
    listed.write_text(json.dumps([*names, name]), encoding="utf-8")


def is_unfinished(folder: Path) -> bool:
    """Whether files are ready that are not all in their places."""
    return (folder / READY).is_dir()


def finish(folder: Path) -> bool:
    """Puts files that are ready in their places; returns whether there were any."""
    ready = folder / READY
    if not ready.is_dir():
        return False
    listed = ready / REMOVED
    for name in json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else ():
        (folder / name).unlink(missing_ok=True)
    for path in sorted(path for path in ready.rglob("*") if path.is_file() and path != listed):
        target = folder / path.relative_to(ready)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    shutil.rmtree(ready)
    return True
