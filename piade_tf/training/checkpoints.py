"""Checkpoints in a folder: arrays and JSON in one file, a SHA-256 beside it, the last two kept."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf.files import replacing

KEPT = 2
ABOUT = "about"  # the JSON among the arrays


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: that they lie in; it exists.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, epoch: int, arrays: Mapping[str, np.ndarray], about: dict[str, Any]) -> None:
        """Writes a checkpoint, as a whole or not at all, and removes all but the last two.

        Args:
            epoch: number of epochs done.
            arrays: by name; none is called `about`.
            about: whatever else there is to know, as JSON.

        Raises:
            InputError: it cannot be written; those before are as they were.
        """
        buffer = io.BytesIO()
        text = np.frombuffer(json.dumps(about).encode(), "uint8")
        np.savez(buffer, allow_pickle=False, **arrays, **{ABOUT: text})
        content = buffer.getvalue()
        path = self.folder / f"epoch-{epoch:06d}.npz"
        with replacing(_digest_of(path)) as temporary:  # first: of what it belongs to, there is then all or nothing
            temporary.write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n", encoding="utf-8")
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        for old in self._paths()[:-KEPT]:
            _digest_of(old).unlink(missing_ok=True)
            old.unlink()

    def newest(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The arrays and the JSON of the newest checkpoint that is whole; None where there is none. Says which are
        passed over."""
        for path in reversed(self._paths()):
            if (content := _whole(path)) is not None:
                with np.load(io.BytesIO(content), allow_pickle=False) as found:
                    arrays = dict(found.items())
                return arrays, json.loads(arrays.pop(ABOUT).tobytes())
            print(f"warning: {path} is damaged (its checksum differs) and passed over", flush=True)
        return None

    def remove(self) -> None:
        """Removes all, when they are needed no more."""
        for path in self._paths():
            path.unlink()
            _digest_of(path).unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.npz"))


def _digest_of(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _whole(path: Path) -> bytes | None:
    """The content of a checkpoint, where its checksum fits."""
    try:
        content = path.read_bytes()
        digest = _digest_of(path).read_text(encoding="utf-8").split()[0]
    except (OSError, ValueError, IndexError):
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None
