"""What the other workers need of the chief's run: the options, and what is there of a run that was cut off."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from piade_tf import unfinished
from piade_tf.errors import InputError
from piade_tf.workers import Arrays, Workers

OPTIONS, FILE = "options", "file/"
KEPT = ("config.json", "model.keras", "history.csv", "scorer.npz")  # besides the folder of what is unfinished
OF_ONE = ("runs_dir", "name", "resume")  # options that may differ from worker to worker
OWN_DATA = ("data_dir", "cache")


def given(options: dict[str, Any], run: Path | None) -> Arrays:
    """What the chief gives.

    Args:
        options: of the training, as JSON has them.
        run: that is gone on with; None: a new one.
    """
    found = {OPTIONS: _bytes(json.dumps(options).encode())}
    if run is not None:
        paths = [run / name for name in KEPT] + sorted((run / unfinished.FOLDER).iterdir())
        found |= {
            FILE + path.relative_to(run).as_posix(): _bytes(path.read_bytes()) for path in paths if path.is_file()
        }
    return found


def options_given(arrays: Arrays) -> dict[str, Any]:
    """The options of the training."""
    return json.loads(arrays[OPTIONS].tobytes())


def take(arrays: Arrays, run: Path) -> bool:
    """Writes what there is of the chief's run to a scratch run, and says whether there was anything."""
    files = [name for name in arrays if name.startswith(FILE)]
    for name in files:
        path = run / name.removeprefix(FILE)
        if not path.resolve().is_relative_to(run.resolve()):
            raise InputError(f"worker 0 sent a file that would leave its folder: {name!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(arrays[name].tobytes())
    return bool(files)


def check_same(workers: Workers, what: str, own: Any) -> None:
    """Raises `InputError` on all workers where one of them has something else than worker 0.

    Args:
        workers: that compare.
        what: it is, in words.
        own: of this worker, as JSON has it.
    """
    told = [json.loads(one["own"].tobytes()) for one in workers.all_told({"own": _bytes(json.dumps(own).encode())})]
    for index, other in enumerate(told):
        if other != told[0]:
            raise InputError(f"{what} of worker {index} differ from those of worker 0{_difference(told[0], other)}")


def shared_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those of options, as JSON has them, that all workers need to have in common, by section and name."""
    flat: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": one for key, one in value.items() if name != "data" or key not in OWN_DATA}
        elif name not in OF_ONE:
            flat[name] = value
    return flat


def _difference(first: Any, other: Any) -> str:
    if not isinstance(first, dict):
        return ""
    name = next(name for name in first if first[name] != other.get(name))
    return f": {name} is {other.get(name)!r}, not {first[name]!r}"


def _bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, "uint8")
