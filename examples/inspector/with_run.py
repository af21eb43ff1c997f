"""python examples/inspector/with_run.py DIST TARGET [RUN]    The built app and a run's model, for any web server.

TARGET is new, empty, or what this made before, which is replaced. Without RUN, the run in runs/ whose export is the
newest. Needs the standard library alone. Exit code 2 on an error.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

IN_BROWSERS = ("float32", "float16", "dynamic_int8", "int8")  # LiteRT.js takes no int8 and int16 tensors
MAKE_ONE = "make one: piade train --dataset folder --data-dir PHOTOS"


def main(dist: Path, target: Path, run: Path | None) -> None:
    """Makes the folder anew; raises `ValueError` where something is missing, or in the way."""
    if not (dist / "index.html").is_file():
        raise ValueError(f"{dist} has no built app; make inspector-build makes it")
    run = run or newest(Path("runs"))
    if not run.is_dir():
        raise ValueError(f"there is no run {run}; {MAKE_ONE}")
    export = run / "export"
    try:
        files = json.loads((export / "manifest.json").read_text(encoding="utf-8"))["files"]
        shipped = [name for name in IN_BROWSERS if files.get(name, {}).get("accepted")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"{run} has no export; piade export {run} makes it") from None
    if not shipped:
        raise ValueError(f"{export} has none of {', '.join(IN_BROWSERS)}; piade export {run} makes them")
    if target.exists() and not may_go(target):
        raise ValueError(f"{target} is there and was not made by this; name a new folder, or delete it")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".inspector.", dir=target.parent) as work:
        new = Path(work, "new")
        shutil.copytree(dist, new)
        served = new / "served"
        shutil.copytree(export / "golden", served / "golden")
        for name in ("manifest.json", *(f"{name}.tflite" for name in shipped)):
            shutil.copy2(export / name, served)
        if target.exists():
            target.rename(Path(work, "old"))
        new.rename(target)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target}: the inspector with {run} ({', '.join(shipped)}), {size / 2**20:.1f} MiB")


def may_go(target: Path) -> bool:
    """Whether nothing is lost with it: an empty folder, or an inspector that can be made again."""
    made_before = all((target / name).is_file() for name in ("index.html", "served/manifest.json"))
    return made_before or (target.is_dir() and not any(target.iterdir()))


def newest(runs: Path) -> Path:
    """The run with the newest export."""
    found = sorted(runs.glob("*/export/manifest.json"), key=os.path.getmtime)
    if not found:
        raise ValueError(f"no run with an export in {runs}/; {MAKE_ONE}")
    return found[-1].parents[1]


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    dist, target, *run = sys.argv[1:]
    try:
        main(Path(dist), Path(target), Path(run[0]) if run and run[0] else None)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
