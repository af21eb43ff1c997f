"""Runs one exported file over images, in a process that has no TensorFlow but for a SavedModel.

    python -m export.verification.verify FILE IMAGES.npy RESULT.npz [HEIGHT WIDTH]

IMAGES is `(n, height, width, channels)`, uint8, read in place, and HEIGHT WIDTH the size that they had before their
middle was cut out. RESULT has the columns of `export.verification.measure.Measured`.
"""

import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from export.batches import filled_batches
from export.host_score.score import HostScore, dequantized
from export.verification.peak_memory import peak_memory

WARM_UP, TIMED = 10, 100
THREADS = (1, 2)


def verify(file: Path, images: np.ndarray, size: tuple[int, int] | None = None) -> dict[str, np.ndarray]:
    """What the file says of the images, and how long it takes; `size` as in `export.verification.measure`."""
    is_saved_model = file.is_dir()
    load = functools.partial(_saved_model, size=size) if is_saved_model else load_litert
    before = peak_memory()
    run = load(file, 1)
    batch = run.batch
    first = run(_repeated(images[0], batch))
    columns: dict[str, list[np.ndarray]] = {}
    for filled in filled_batches(images, batch):
        found = run(filled)
        rows = {
            "pred_score": found["pred_score"],
            "map_max": found["anomaly_map"].max((1, 2)),
            "map_mean": found["anomaly_map"].mean((1, 2)),
            "reconstruction_mean": found["reconstruction"].mean((1, 2, 3)),
        }
        for name, values in rows.items():
            columns.setdefault(name, []).append(values)
    added = peak_memory() - before
    timings = [_milliseconds(load(file, threads), images) for threads in ((1,) if is_saved_model else THREADS)]
    again = run(_repeated(images[0], batch))
    if any(not np.array_equal(first[name], again[name]) for name in first):
        raise RuntimeError("the same image gave two results")
    return {name: np.concatenate(values)[: len(images)] for name, values in columns.items()} | {
        "timings": np.array(timings),
        "peak_bytes": np.array(added),
    }


def _milliseconds(run: "Runner", images: np.ndarray) -> list[float]:
    """Of single calls, for each image of a batch."""
    spent = []
    for i in range(WARM_UP + TIMED):
        image = _repeated(images[i % len(images)], run.batch)
        start = time.perf_counter()
        run(image)
        spent.append(1000 * (time.perf_counter() - start) / run.batch)
    return spent[WARM_UP:]


def _repeated(image: np.ndarray, batch: int) -> np.ndarray:
    return np.repeat(image[None], batch, axis=0)


class Runner(NamedTuple):
    """A file, loaded: how many images it takes, and what it says of them."""

    batch: int
    call: Callable[[np.ndarray], dict[str, np.ndarray]]

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return self.call(images)


def load_litert(file: Path | bytes, threads: int) -> Runner:
    """A LiteRT file, mapped from its path or as its bytes; where its score is computed outside, with that."""
    from ai_edge_litert.interpreter import Interpreter

    path, content = (None, file) if isinstance(file, bytes) else (str(file), None)
    inspect = Interpreter(path, content, num_threads=threads).get_signature_runner("inspect")
    batch = int(inspect.get_input_details()["image"]["shape"][0])
    outside = HostScore.of_file(file if isinstance(file, bytes) else file.read_bytes())
    if outside is None:
        return Runner(batch, lambda images: inspect(image=images))

    def call(images: np.ndarray) -> dict[str, np.ndarray]:
        found = inspect(image=images)
        numbers = dequantized(inspect, found)
        pred_score, anomaly_map = outside(images, numbers)
        ours = {"pred_score": pred_score, "anomaly_map": anomaly_map, "latent": numbers["latent"]}
        return ours | {"reconstruction": found["reconstruction"]}

    return Runner(batch, call)


def _saved_model(file: Path, threads: int, size: tuple[int, int] | None) -> Runner:
    import tensorflow as tf

    from piade_tf.data.preparation import uncropped

    with contextlib.suppress(RuntimeError):  # it runs already
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    model = tf.saved_model.load(str(file))
    inspect = model.signatures["inspect"]
    batch, height, *_ = inspect.structured_input_signature[1]["image"].shape

    def call(images: np.ndarray) -> dict[str, np.ndarray]:
        if size and height is None:  # it prepares images itself: what it cuts out must be what is compared
            images = uncropped(images, size)
        return {name: values.numpy() for name, values in inspect(image=tf.constant(images)).items()}

    call.model = model  # type: ignore[attr-defined]  # its signature does not keep it alive
    return Runner(int(batch), call)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    model, pixels, result = (Path(argument) for argument in sys.argv[1:4])
    before_crop = (int(sys.argv[4]), int(sys.argv[5])) if sys.argv[4:] else None
    if not model.is_dir():
        sys.modules["tensorflow"] = None  # type: ignore[assignment]  # an import of it fails
    np.savez(result, allow_pickle=False, **verify(model, np.load(pixels, mmap_mode="r"), before_crop))
