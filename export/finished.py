"""Files that are built and measured, kept in the run until an export is whole, so that an interrupted one goes on."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from export.verification.measure import Measured
from piade_tf.files import write_json

FOLDER = ".export.unfinished"
FILES, RESULTS, ABOUT = "files", "measured.npz", "about.json"


class Finished:
    """The formats that are done.

    Args:
        run: the run directory, of which this process has the lock.
    """

    def __init__(self, run: Path):
        self._folder = run / FOLDER

    def only_of(self, made_of: list[Path], options: dict[str, Any]) -> None:
        """Throws away what was made of something else.

        Args:
            made_of: files that decide on the result.
            options: whatever else does, as JSON.
        """
        about = {"options": options, "sha256": [_sha256(path) for path in made_of]}
        path = self._folder / ABOUT
        if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != about:
            self.remove()
            self._folder.mkdir()
            write_json(path, about)

    def has(self, name: str) -> bool:
        """Whether a format is done."""
        return (self._folder / name).is_dir()

    def take(self, name: str, folder: Path) -> Measured:
        """Puts the files of a format into `folder`; returns what was measured of them."""
        shutil.copytree(self._folder / name / FILES, folder, dirs_exist_ok=True)
        with np.load(self._folder / name / RESULTS, allow_pickle=False) as arrays:
            columns = dict(arrays.items())
        return Measured(**{**columns, "peak_bytes": int(columns["peak_bytes"])})

    def keep(self, name: str, path: Path, measured: Measured) -> None:
        """Keeps a format: its file or its folder, and what was measured of it. It is there as a whole, or not."""
        new = self._folder / f".{name}"
        shutil.rmtree(new, ignore_errors=True)
        (new / FILES).mkdir(parents=True)
        if path.is_dir():
            shutil.copytree(path, new / FILES / path.name)
        else:
            shutil.copy(path, new / FILES)
        np.savez(new / RESULTS, allow_pickle=False, **dataclasses.asdict(measured))
        new.rename(self._folder / name)

    def remove(self) -> None:
        """Once the export is whole."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
