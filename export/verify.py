"""Runs one exported file over images, in a process that has no TensorFlow but for a SavedModel.

    python -m export.verify FILE IMAGES.npy RESULT.npz

IMAGES is `(n, height, width, channels)`, uint8, read in place. RESULT has `pred_score` and `map_max` `(n,)`, `latent`
`(n, dim)`, and `timings`: milliseconds of single calls on one thread and on two, warm; `peak_bytes`, what loading and
running the file added to the memory of the process.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WARM_UP, TIMED = 10, 100
THREADS = (1, 2)


def verify(file: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """What the file says of the images, and how long it takes."""
    is_saved_model = file.is_dir()
    load = _saved_model if is_saved_model else _litert
    load_nothing = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = load(file, 1)
    first = run(images[0][None])
    columns: dict[str, list[np.ndarray]] = {"pred_score": [], "map_max": [], "latent": []}
    for image in images:
        found = run(image[None])
        columns["pred_score"].append(found["pred_score"][0])
        columns["map_max"].append(found["anomaly_map"].max())
        columns["latent"].append(found["latent"][0])
    peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - load_nothing)
    timings = [_milliseconds(load(file, threads), images) for threads in ((1,) if is_saved_model else THREADS)]
    again = run(images[0][None])
    if any(not np.array_equal(first[name], again[name]) for name in first):
        raise RuntimeError("the same image gave two results")
    return {name: np.array(values) for name, values in columns.items()} | {
        "timings": np.array(timings),
        "peak_bytes": np.array(max(peak, 0)),
    }


def _milliseconds(run: Callable, images: np.ndarray) -> list[float]:
    spent = []
    for i in range(WARM_UP + TIMED):
        image = images[i % len(images)][None]
        start = time.perf_counter()
        run(image)
        spent.append(1000 * (time.perf_counter() - start))
    return spent[WARM_UP:]


def _litert(file: Path, threads: int) -> Callable:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(file), num_threads=threads).get_signature_runner("inspect")
    return lambda image: runner(image=image)


def _saved_model(file: Path, threads: int) -> Callable:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    inspect = tf.saved_model.load(str(file)).signatures["inspect"]

    def run(image: np.ndarray) -> dict[str, np.ndarray]:
        return {name: values.numpy() for name, values in inspect(image=tf.constant(image)).items()}

    run.keep = inspect  # type: ignore[attr-defined]  # a signature does not keep its model alive
    return run


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    model, pixels, result = (Path(argument) for argument in sys.argv[1:])
    if not model.is_dir():
        sys.modules["tensorflow"] = None  # type: ignore[assignment]  # an import of it fails
    np.savez(result, allow_pickle=False, **verify(model, np.load(pixels, mmap_mode="r")))  # type: ignore[arg-type]
