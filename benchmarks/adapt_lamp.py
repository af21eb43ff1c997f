"""What `piade adapt` does for another lamp.

    python benchmarks/adapt_lamp.py RUN [RUN ...] [--brightness 0.7]

Each RUN is a run of train.py on a folder in MVTec's layout. Its test images are copied with the brightness
changed (Pillow's ImageEnhance.Brightness): of the good ones every second is taught, of the bad ones all are given as
--bad; they are counted, never learned. The good ones that were not taught are scored before and after besides. What is
chosen by nothing here: threshold and folds are those of the run and of the command. The CSV has a row for each run and
kind of image: how many there are, how many were flagged before and are now, and the seconds that the whole command
took. A minute a run on two idle cores; the new run stays beside RUN, named RUN-lamp.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image, ImageEnhance

from export.publish.manifest import processor
from piade_tf.cli.adapt import Adapt, adapt
from piade_tf.errors import InputError
from piade_tf.files import write_csv

HEADER = ["run", "brightness", "images_of", "images", "flagged_before", "flagged_after", "seconds", "processor"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--brightness", type=float, default=0.7)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "adapt_lamp.csv")
    args = parser.parse_args()
    rows = []
    try:
        for run in args.runs:
            rows += rows_of(run, args.brightness)
    except InputError as error:
        parser.error(str(error))
    write_csv(args.out, HEADER, rows)
    return 0


def rows_of(run: Path, brightness: float) -> list[list]:
    """Adapts a run to darker copies of its test images; a row for each kind of image."""
    data = Path(json.loads((run / "config.json").read_text(encoding="utf-8"))["options"]["data"]["data_dir"])
    lamp = run.resolve().parent / f"{run.resolve().name}-lamp-images"
    new = f"{run.resolve().name}-lamp"
    for folder in (lamp, run.resolve().parent / new):
        shutil.rmtree(folder, ignore_errors=True)
    good = sorted((data / "test" / "good").iterdir())
    bad = sorted(path for folder in (data / "test").iterdir() if folder.name != "good" for path in folder.iterdir())
    for name, paths in (("taught", good[::2]), ("untaught", good[1::2]), ("bad", bad)):
        (lamp / name).mkdir(parents=True)
        for path in paths:
            dark = ImageEnhance.Brightness(Image.open(path).convert("RGB")).enhance(brightness)
            dark.save(lamp / name / f"{path.parent.name}_{path.stem}.png")
    start = time.monotonic()
    adapt(Adapt(run, lamp / "taught", lamp / "bad", new))
    seconds = round(time.monotonic() - start)
    counts = json.loads((run.resolve().parent / new / "adaptation.json").read_text(encoding="utf-8"))
    found = [[name, row["images"], row["flagged_before"], row["flagged_after"]] for name, row in counts.items()]
    sides = (flagged(run, lamp / "untaught"), flagged(run.resolve().parent / new, lamp / "untaught"))
    found.append(["good images of that lamp, not taught", len(good[1::2]), *sides])
    return [[run.resolve().name, brightness, *row, seconds, processor()] for row in found]


def flagged(run: Path, folder: Path) -> int:
    """How many images of a folder the run takes for anomalous."""
    from piade_tf.detector import Detector

    return sum(found.pred_label for found in Detector.load(run).predict(sorted(folder.iterdir())))


if __name__ == "__main__":
    raise SystemExit(main())
