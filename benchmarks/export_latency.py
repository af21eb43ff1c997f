"""Milliseconds of one image on one thread: each exported file, Keras and PyTorch side by side, and the score's share.

    python benchmarks/export_latency.py RUN RUN ...

Expected result: a table for each run, and the same as `benchmarks/results/export_latency.csv`. Needs runs that are
exported. Time: about five minutes a run, most of it starting processes. Hardware: a CPU with nothing else to do. With
`pip install torch`, which is no requirement of the project, PyTorch has its row too.

Everything is timed in a process of its own with one thread, warm, on one random image. Rounds go through all of them
in turn; `ms` is the median over rounds of the median call, a ratio the median over rounds.

| runtime | what is called |
| --- | --- |
| `litert` | the run's own files; the network alone; the network with the score `reconstruction` (SSIM) |
| `keras` | `model(x)`, eager |
| `tf.function` | the same, traced |
| `torch` | `benchmarks/plain_torch.py` in `eval` and `inference_mode`, its weights random: the network alone |

`score` says what is computed behind the network; `none`: nothing, only reconstruction and decoded vector are returned.
`score_share` is the part of a graph's time that goes to its score: 1 - network alone / graph, of the same format.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the repository's root
os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS="1")

from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.errors import InputError
from piade_tf.files import write_csv

WARM_UP, CALLS, ROUNDS = 20, 200, 5
NO_SCORE, SSIM = "none", "reconstruction"
LITERT = ("float32", "float16", "dynamic_int8", "int8")
BUILT = ("float32", "int8")  # formats of the graphs that the score's share is taken from
HEADER = ("run", "image", "runtime", "format", "score", "ms", "share_of_float32", "score_share", "rounds", "calls",
          "load_before", "cores", "processor", "tensorflow_version", "litert_version", "torch_version")  # fmt: skip


class Contestant(NamedTuple):
    """What is timed: `score` is what stands behind the network, `source` the run, or the file of `litert`."""

    runtime: str
    format: str
    score: str
    source: Path


# === Timing, in a process of its own ===


def milliseconds(contestant: Contestant, shape: tuple[int, int, int]) -> float:
    """The median call on an image of that shape."""
    call = CALLERS[contestant.runtime](contestant, np.random.default_rng(0).integers(0, 256, (1, *shape), "uint8"))
    spent = []
    for _ in range(WARM_UP + CALLS):
        start = time.perf_counter()
        call()
        spent.append(1000 * (time.perf_counter() - start))
    return statistics.median(spent[WARM_UP:])


def litert(contestant: Contestant, image: np.ndarray) -> Callable:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(contestant.source), num_threads=1).get_signature_runner("inspect")
    return lambda: run(image=image)


def keras_eager(contestant: Contestant, image: np.ndarray) -> Callable:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model, images = keras_model(contestant), tf.constant(image / np.float32(255))
    return lambda: [values.numpy() for values in model(images, training=False).values()]


def keras_traced(contestant: Contestant, image: np.ndarray) -> Callable:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model, images = keras_model(contestant), tf.constant(image / np.float32(255))
    call = tf.function(lambda images: model(images, training=False))
    return lambda: [values.numpy() for values in call(images).values()]


def keras_model(contestant: Contestant):
    """The network, with the score behind it where there is one."""
    import keras

    from export.graph import OUTPUTS

    _, network, scorer = load(contestant.source)
    if contestant.score == NO_SCORE:
        model, names = network, OUTPUTS[2:]
    else:
        model, names = scorer.inspection_model(network, contestant.score), OUTPUTS
    return keras.Model(model.input, {name: model.output[name] for name in names})


def torch_network(contestant: Contestant, image: np.ndarray) -> Callable:
    import torch

    from benchmarks.plain_torch import Piade
    from piade_tf.config import NetworkConfig

    torch.set_num_threads(1)
    config = json.loads((contestant.source / "config.json").read_text(encoding="utf-8"))
    options = {
        key: tuple(value) if isinstance(value, list) else value for key, value in config["options"]["network"].items()
    }
    network = Piade(NetworkConfig(**options).for_image(*image.shape[1:3]), *image.shape[1:]).eval()
    images = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255

    def call():
        with torch.inference_mode():
            network(images)

    return call


CALLERS = {"litert": litert, "keras": keras_eager, "tf.function": keras_traced, "torch": torch_network}


# === The graphs that no export has ===


def build(run: Path, work: Path) -> None:
    """Writes `SCORE-FORMAT.tflite` for no score and for SSIM into `work`."""
    import tensorflow as tf

    from export.builder import SIGNATURE, Builder
    from export.quantization.post_training import quantize
    from export.saved_model import write_saved_model
    from export.tflite.convert import to_litert
    from piade_tf.config import DataConfig
    from piade_tf.data import load_data
    from piade_tf.pixels import to_bytes, to_unit

    config, network, scorer = load(run)
    options = config["options"]
    data = load_data(DataConfig.of_run(options["data"]), options["training"]["seed"])
    pretrained = options["network"]["encoder"] != "scratch"
    augment, seed = options["data"]["augment"], options["training"]["seed"]
    builder = Builder(network, scorer, SSIM, data, augment, seed, 1, work, options["calibration"] == "folds")
    for name in BUILT:
        (work / f"{SSIM}-{name}.tflite").write_bytes(builder.litert(name))

    @tf.function(input_signature=[tf.TensorSpec((1, *network.input.shape[1:]), tf.uint8, name="image")])
    def inspect(image):
        with tf.name_scope("network"):
            outputs = network(to_unit(image), training=False)
        return {"reconstruction": to_bytes(outputs["reconstruction"]), "latent": outputs["latent"]}

    alone = to_litert(write_saved_model(work / "alone", inspect), SIGNATURE)
    (work / f"{NO_SCORE}-float32.tflite").write_bytes(alone)
    images = list(data.calibration.images.take(100).batch(1).as_numpy_iterator())
    (work / f"{NO_SCORE}-int8.tflite").write_bytes(quantize(alone, "static", images, SIGNATURE, pretrained))


def load(run: Path):
    """The configuration, the network and the scorer of a run."""
    from piade_tf.run_directory import RunDirectory
    from piade_tf.scoring.scorer_file import read_scorer

    directory = RunDirectory(run)
    config = directory.read_config()
    scorer = read_scorer(run / "scorer.npz", config["options"]["loss"]["ssim_window"])
    return config, directory.read_network(), scorer


# === All rounds ===


def contestants(run: Path, score: str, work: Path) -> list[Contestant]:
    """Everything that is timed for a run, in the order of a round."""
    own = [Contestant("litert", name, score, run / "export" / f"{name}.tflite") for name in LITERT]
    built = [
        Contestant("litert", name, other, work / f"{other}-{name}.tflite")
        for name in BUILT
        for other in dict.fromkeys([NO_SCORE, SSIM])
        if other != score
    ]
    others = [Contestant(runtime, "", one, run) for runtime in ("keras", "tf.function") for one in (score, NO_SCORE)]
    if importlib.util.find_spec("torch"):
        others.append(Contestant("torch", "", NO_SCORE, run))
    return [one for one in [*own, *built, *others] if one.source.exists()]


def in_new_process(function: Callable, *arguments):
    """No threads, memory or caches of another are there."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def ratio(some: list[float], others: list[float]) -> float:
    """The median over the rounds."""
    return statistics.median(one / other for one, other in zip(some, others, strict=True))


def rows_of(run: Path, rounds: int, load_before: float) -> list[list]:
    """A row for each contestant.

    Raises:
        InputError: no run, or one that has not been exported.
    """
    path = run / "config.json"
    if not path.exists() or not (run / "export" / "float32.tflite").exists():
        raise InputError(f"{run} has no export/float32.tflite; run python -m export {run}")
    config = json.loads(path.read_text(encoding="utf-8"))
    score, shape = config["options"]["score"], tuple(config["image_shape"])
    with tempfile.TemporaryDirectory() as work:
        in_new_process(build, run, Path(work))
        taking_part = contestants(run, score, Path(work))
        times: dict[tuple[str, ...], list[float]] = {one[:3]: [] for one in taking_part}
        for number in range(1, rounds + 1):
            for one in taking_part:
                times[one[:3]].append(in_new_process(milliseconds, one, shape))
            print(f"{run.name}: round {number} of {rounds}", flush=True)
    manifest = json.loads((run / "export" / "manifest.json").read_text(encoding="utf-8"))
    conditions = [rounds, CALLS, round(load_before, 2), os.cpu_count(), manifest["machine"]["processor"]]
    conditions += [importlib.metadata.version(name) for name in ("tensorflow", "ai-edge-litert")]
    conditions += [importlib.metadata.version("torch") if importlib.util.find_spec("torch") else None]
    rows = []
    for (runtime, form, behind), spent in times.items():
        alone = times.get((runtime, form, NO_SCORE))
        rows.append(
            [run.resolve().name, "x".join(map(str, shape)), runtime, form, behind, round(statistics.median(spent), 4),
             round(ratio(spent, times["litert", "float32", score]), 3),
             round(1 - ratio(alone, spent), 3) if alone and behind != NO_SCORE else None, *conditions]
        )  # fmt: skip
    return rows


def show(rows: list[list]) -> None:
    """Prints the columns from runtime to the score's share."""
    for row in [HEADER, *rows]:
        cells = ["" if cell is None else str(cell) for cell in row[2:8]]
        print("{:<12}{:<14}{:<16}{:>9}{:>18}{:>13}".format(*cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"through everything ({ROUNDS})")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "export_latency.csv")
    arguments = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed (pip install torch): its row is left out.", file=sys.stderr)
    load_before = os.getloadavg()[0]
    rows: list[list] = []
    for run in arguments.runs:
        rows += rows_of(run, arguments.rounds, load_before)
        show(rows)
        write_csv(arguments.out, HEADER, rows)
    print(f"Written: {arguments.out}")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
