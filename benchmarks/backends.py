"""The same network on TensorFlow, JAX and PyTorch: how far outputs are apart, and images per second.

    python3 -m venv /tmp/others && /tmp/others/bin/pip install -r benchmarks/requirements-backends.txt
    python benchmarks/backends.py --python jax=/tmp/others/bin/python --python torch=/tmp/others/bin/python

Networks: `compact` from scratch at 28x28, and at 128x128 behind EfficientNet-Lite0, where a step of training is that of
the decoder on features that lie ready, as `piade train` has it. The weights and the images are drawn once, and given to
every backend as a file. A row is of a backend and a network: the largest difference of any output to TensorFlow's, and
images per second of inference (`predict_on_batch`) and of training (`train_on_batch`, Adam, the reconstruction loss),
both as Keras runs them: a graph on TensorFlow, `jax.jit` on JAX, eager on PyTorch. The backends alternate in rounds,
each in a process of its own; a figure is the median of the rounds. Writes `benchmarks/results/backends.csv`; some
minutes.

Exit code 1 where an output is farther apart than 1e-4.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BACKENDS = ("tensorflow", "jax", "torch")
SEED, TOLERANCE = 0, 1e-4
BATCH, WARM_UP, LEAST_SECONDS, LEAST_STEPS = 32, 3, 3.0, 5
HEADER = ("backend", "network", "largest_difference", "inference_images_per_second", "training_images_per_second",
          "batch_size", "rounds", "backend_version", "keras_version", "python_version", "processor", "cores",
          "load_before")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network and its images; `encoder` as `NetworkConfig` has it."""

    name: str
    shape: tuple[int, int, int]
    encoder: str


SUBJECTS = (
    Subject("compact 28x28", (28, 28, 1), "scratch"),
    Subject("efficientnet_lite0 128x128", (128, 128, 3), "efficientnet_lite0"),
)


# === In the process of one backend ===


def work(folder: Path, round_number: int) -> None:
    """Measures every network on the backend of this process, and writes what it found into the folder.

    The first one of all, in the first round, draws the weights.
    """
    import keras

    backend = keras.backend.backend()
    found = {subject.name: _measured(subject, folder / str(i), not round_number) for i, subject in enumerate(SUBJECTS)}
    versions = {"backend_version": importlib.metadata.version(backend), "keras_version": keras.__version__}
    about = {"found": found, "versions": {**versions, "python_version": platform.python_version()}}
    (folder / f"{backend}-{round_number}.json").write_text(json.dumps(about), encoding="utf-8")


def _measured(subject: Subject, path: Path, writes_outputs: bool) -> dict[str, float]:
    """Images per second of inference and of training; `path` is that of weights and outputs, without an ending."""
    import keras

    from piade_tf.config import NetworkConfig
    from piade_tf.model.losses import ReconstructionLoss
    from piade_tf.model.network import build_network, decoder_part, is_pretrained, pooled_map

    backend = keras.backend.backend()
    compiled = backend == "jax"  # XLA is what JAX has; TensorFlow as `piade train` has it
    keras.utils.set_random_seed(SEED)
    images = np.random.default_rng(SEED).random((BATCH, *subject.shape), "float32")
    network = build_network(NetworkConfig(encoder=subject.encoder), *subject.shape)
    weights = path.with_suffix(".npz")
    if not weights.exists():
        np.savez(weights, *_shaken(network))
    with np.load(weights) as stored:
        network.set_weights([stored[name] for name in stored.files])
    network.compile(jit_compile=compiled)
    if writes_outputs:
        np.savez(path.with_suffix(f".{backend}.npz"), **network.predict_on_batch(images))
    inference = _images_per_second(lambda: network.predict_on_batch(images))
    inputs, part = images, network
    if is_pretrained(network):
        inputs = keras.Model(network.input, pooled_map(network)).predict_on_batch(images)
        part = decoder_part(network)
    trained = keras.Model(part.input, part.output["reconstruction"])
    trained.compile(optimizer=keras.optimizers.Adam(1e-3), loss=ReconstructionLoss(), jit_compile=compiled)
    return {
        "inference": inference,
        "training": _images_per_second(lambda: trained.train_on_batch(inputs, images)),
    }


def _shaken(network) -> list[np.ndarray]:
    """Weights of which none is where it begins, zero or one, so that each shows in the outputs."""
    rng = np.random.default_rng(SEED)
    moved = [value * rng.uniform(0.9, 1.1, value.shape) for value in network.get_weights()]
    return [value if value.any() else rng.normal(0.0, 0.1, value.shape) for value in moved]


def _images_per_second(step) -> float:
    for _ in range(WARM_UP):
        step()
    seconds = []
    while len(seconds) < LEAST_STEPS or sum(seconds) < LEAST_SECONDS:
        start = time.perf_counter()
        step()  # both end with numbers in NumPy, so that nothing is left to be computed
        seconds.append(time.perf_counter() - start)
    return BATCH / statistics.median(seconds)


# === All backends, in alternation ===


def run(pythons: dict[str, str], rounds: int, folder: Path) -> list[tuple]:
    """A row for each backend and network.

    Args:
        pythons: by the name of a backend, what runs it; TensorFlow is the first.
        rounds: of each.
        folder: an empty one, for what the processes leave.

    Raises:
        InputError: a process failed.
    """
    load = round(os.getloadavg()[0], 2)
    for round_number in range(rounds):
        for backend, python in pythons.items():
            _in_process(backend, python, folder, round_number)
            print(f"round {round_number + 1} of {rounds}: {backend}", flush=True)
    return [
        (*_row(backend, number, subject, rounds, folder), load)
        for number, subject in enumerate(SUBJECTS)
        for backend in pythons
    ]


def _in_process(backend: str, python: str, folder: Path, round_number: int) -> None:
    from piade_tf.errors import InputError

    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
    words = [python, __file__, "--worker", str(folder), str(round_number)]
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise InputError(f"--python {backend}={python} cannot be started ({error.strerror})") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"{backend} failed with {python}: {last}; benchmarks/requirements-backends.txt has what is needed"
        )


def _row(backend: str, number: int, subject: Subject, rounds: int, folder: Path) -> tuple:
    from export.publish.manifest import processor

    abouts = [json.loads((folder / f"{backend}-{i}.json").read_text(encoding="utf-8")) for i in range(rounds)]
    speeds = [
        f"{statistics.median(about['found'][subject.name][part] for about in abouts):.1f}"
        for part in ("inference", "training")
    ]
    with np.load(folder / f"{number}.{backend}.npz") as own, np.load(folder / f"{number}.tensorflow.npz") as others:
        difference = max(float(np.abs(own[name] - others[name]).max()) for name in others.files)
    versions = abouts[0]["versions"].values()
    return (backend, subject.name, f"{difference:.1e}", *speeds, BATCH, rounds, *versions, processor(), os.cpu_count())


def main() -> int:
    from piade_tf.errors import InputError
    from piade_tf.files import write_csv

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="of jax, torch, tensorflow")
    parser.add_argument("--rounds", type=int, default=3, help="of each backend (3)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/backends.csv", help="CSV file")
    parser.add_argument("--worker", nargs=2, metavar=("DIR", "ROUND"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(Path(arguments.worker[0]), int(arguments.worker[1]))
        return 0
    pythons = {"tensorflow": sys.executable}
    for word in arguments.python:
        name, equals, path = word.partition("=")
        if name not in BACKENDS or not equals:
            raise InputError(f"--python takes NAME=PATH with a NAME of {', '.join(BACKENDS)}, got {word!r}")
        pythons[name] = path
    if arguments.rounds < 1:
        raise InputError(f"--rounds must be at least 1, got {arguments.rounds}")
    with tempfile.TemporaryDirectory() as folder:
        rows = run(pythons, arguments.rounds, Path(folder))
    write_csv(arguments.out, HEADER, rows)
    for row in rows:
        print(*row[:5], sep="\t")
    print(f"Written: {arguments.out}")
    return int(any(float(row[2]) > TOLERANCE for row in rows))


if __name__ == "__main__":
    if "--worker" in sys.argv:
        sys.exit(main())
    from piade_tf.cli.exit_codes import errors_in_one_line

    with errors_in_one_line():
        sys.exit(main())
