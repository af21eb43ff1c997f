"""Beside anomalib's PatchCore and PaDiM and AnomaVision's PaDiM with the same encoder weights: one CSV row for each.

    python3 -m venv VENV && VENV/bin/pip install -r benchmarks/requirements-anomalib.txt
    python benchmarks/beside_anomalib.py --data-dir DIR --python VENV/bin/python

DIR as for benchmarks/photographs.py. Can be interrupted and started again: data sets that the CSV has are not run
again.

Ours are `piade train --epochs 1` with seed 0 and the defaults, scored with the exported float32 and int8 files. The
others get the same training images, all prepared by PIADE-TF to
the very same pixels. Metrics are PIADE-TF's, of the network's resolution.

`fit_cpu_seconds`: from images in memory to a fitted detector, on two threads; of ours without the decoder, and for int8
with what its export took, the proofs included. `ms`: of one image on one thread, score and map included. Both are
processor time, which other work on the machine changes little, and rounds go through all in turn; `ratio` is the median
over rounds of the others' time over that of our float32. `bytes`: of the file, or of the saved state.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.photographs import DATA
from benchmarks.rows_so_far import rows_so_far
from export.publish.manifest import processor
from piade_tf.config import Config, DataConfig
from piade_tf.data import DataSplits, Split, load_data
from piade_tf.evaluation.pixel_metrics import PixelMetrics
from piade_tf.files import write_csv
from piade_tf.model.efficientnet_lite0 import installed_weights
from piade_tf.run_directory import git_commit

OTHERS = ("anomalib_patchcore", "anomalib_padim", "anomavision_padim")
OURS = ("float32", "int8")
ROUNDS, CALLS, WARM_UP = 7, 10, 3
HEADER = ("data", "method", "image_AUROC", "pixel_AUROC", "pixel_AUPRO", "fit_cpu_seconds", "fit_seconds", "ms",
          "ratio", "bytes", "load", "cores", "processor", "git_commit")  # fmt: skip
RESULTS = ROOT / "benchmarks" / "results" / "beside_anomalib.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--python", required=True, help="that has benchmarks/requirements-anomalib.txt")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = rows_so_far(args.out)
    for data in args.data:
        if data in [row[0] for row in rows]:
            print(f"{data}: in {args.out} already")
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows += measured(args.data_dir, args.python, data, Path(folder))
        write_csv(args.out, HEADER, rows)
    for row in rows:
        print(*row[:10])


def measured(root: Path, python: str, data: str, folder: Path) -> list[list[Any]]:
    """The rows of a data set."""
    place, sizes = DATA[data]
    options = DataConfig(dataset="folder", data_dir=root / place, image_size=tuple(map(int, sizes[1:])))
    splits = load_data(options, 0)
    test = arrays(splits.test)
    found: dict[str, dict[str, Any]] = {}
    timers: dict[str, Callable[[], float]] = {}
    run = train(options, sizes, folder)
    fitting = fit_times(splits)
    contents = {name: (run / "export" / f"{name}.tflite").read_bytes() for name in OURS}
    exporting = export_time(run)
    for name, content in contents.items():
        once = lite_runner(content)
        outputs = [once(image[None]) for image in test]
        seconds = fitting if name == "float32" else tuple(a + b for a, b in zip(fitting, exporting, strict=True))
        found[name] = metrics(
            splits, *(np.concatenate([o[key] for o in outputs]) for key in ("pred_score", "anomaly_map"))
        )
        found[name] |= {"fit_cpu_seconds": seconds[0], "fit_seconds": seconds[1], "bytes": len(content)}
        timers[name] = lambda once=once: milliseconds(lambda: once(test[:1]))
    everything = np.concatenate([arrays(split) for split in (splits.train, splits.validation, splits.calibration)])
    images = folder / "images.npz"
    np.savez(images, **{name: in_colour(part) for name, part in (("train", everything), ("test", test))})
    for name in OTHERS:
        with worker(python, name, images, folder / f"{name}.npz") as (about, timer):
            with np.load(folder / f"{name}.npz") as result:
                found[name] = metrics(splits, result["pred_score"], result["anomaly_map"]) | about
            found[name] |= interleaved({**timers, name: timer}, name)
    for name in OURS:
        found[name] |= interleaved(timers, name)
    load = round(os.getloadavg()[0], 1)
    return [
        [
            data,
            name,
            *(_rounded(about.get(key)) for key in HEADER[2:10]),
            load,
            os.cpu_count(),
            processor(),
            git_commit(),
        ]
        for name, about in found.items()
    ]


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def arrays(split: Split) -> np.ndarray:
    return np.stack(list(split.images.as_numpy_iterator()))


def in_colour(images: np.ndarray) -> np.ndarray:
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def train(options: DataConfig, sizes: tuple[str, ...], folder: Path) -> Path:
    """A run with both files; its decoder is hardly trained, which the score does not look at."""
    where = ["--dataset", "folder", "--data-dir", str(options.data_dir), *sizes, "--seed", "0", "--epochs", "1"]
    command = [sys.executable, str(ROOT / "train.py"), *where, "--no-tensorboard", "--export", *OURS]
    subprocess.run([*command, "--runs-dir", str(folder), "--name", "run"], check=True)
    return folder / "run"


def export_time(run: Path) -> tuple[float, float]:
    """Processor seconds and seconds to export int8 once more."""
    start, before = time.monotonic(), os.times()
    subprocess.run([sys.executable, "-m", "export", str(run), "--formats", "int8"], check=True, cwd=ROOT)
    after = os.times()
    children = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    return children, time.monotonic() - start


def fit_times(splits: DataSplits) -> tuple[float, float]:
    """Processor seconds and seconds to fit the scores, from images in memory."""
    from piade_tf.evaluation.calibration import calibrated, calibration_for, good_images
    from piade_tf.model.network import build_network
    from piade_tf.scoring.parameters import parameters_for

    network_options = Config().network.for_image(*splits.image_shape[:2])
    network = build_network(network_options, *splits.image_shape)
    parameters = parameters_for(network_options.encoder, Config().loss.ssim_window, "parts")
    cpu, wall = time.process_time(), time.monotonic()
    way = calibration_for("auto", network_options.encoder, "combined", good_images(splits))
    calibrated(network, parameters, splits, "none", 0, "combined", way)
    return time.process_time() - cpu, time.monotonic() - wall


def lite_runner(content: bytes) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """A LiteRT file on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    run = interpreter.get_signature_runner()
    return lambda images: run(image=images)


def metrics(splits: DataSplits, scores: np.ndarray, maps: np.ndarray) -> dict[str, Any]:
    """Image AUROC, and where there are masks pixel AUROC and AUPRO."""
    from sklearn.metrics import roc_auc_score

    test = splits.test
    found = {"image_AUROC": float(roc_auc_score(test.labels, scores))}
    if test.masks is None:
        return found
    pixels = PixelMetrics()
    masks = np.stack(list(test.masks.images.as_numpy_iterator()))
    pixels.add(maps[test.has_mask], masks[test.has_mask])
    result = pixels.result()
    return found | {name: result[name] for name in ("pixel_AUROC", "pixel_AUPRO")}


@contextmanager
def worker(
    python: str, method: str, images: Path, result: Path
) -> Iterator[tuple[dict[str, Any], Callable[[], float]]]:
    """Another library in a process of its own: what it tells of its fit, and what times one image."""
    command = [python, str(ROOT / "benchmarks" / "anomalib_worker.py"), method, str(installed_weights())]
    process = subprocess.Popen(
        [*command, str(images), str(result)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def timed() -> float:
        stdin.write("go\n")
        stdin.flush()
        return float(stdout.readline())

    try:
        line = next((line for line in stdout if line.startswith("{")), None)
        if line is None:
            raise SystemExit(f"{method} failed; is {python} a Python with benchmarks/requirements-anomalib.txt?")
        yield json.loads(line), timed
    finally:
        stdin.close()
        process.wait()


def milliseconds(call: Callable[[], Any]) -> float:
    """The median of some calls, processor time."""
    taken = []
    for number in range(WARM_UP + CALLS):
        start = time.process_time()
        call()
        if number >= WARM_UP:
            taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)


def interleaved(timers: dict[str, Callable[[], float]], name: str) -> dict[str, float]:
    """The median time of `name`, and its ratio to float32, both taken in the same rounds."""
    rounds = [{other: timer() for other, timer in timers.items()} for _ in range(ROUNDS)]
    ratios = [times[name] / times["float32"] for times in rounds]
    return {"ms": statistics.median(times[name] for times in rounds), "ratio": statistics.median(ratios)}


if __name__ == "__main__":
    main()
